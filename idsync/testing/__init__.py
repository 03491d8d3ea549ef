"""What authors of stores and strategies, and users with scenarios of their own, test with.

`store_suite`, `strategy_suite` and what they are made of need pytest, pytest-asyncio and hypothesis, which
the base install does not bring: `pip install 'idsync[testing]'`. The subpackage `scenario` needs none of
them.
"""

import sys

if "pytest" in sys.modules:
    # Without this a failed assertion of a suite would not show its values. Who only runs scenarios has no
    # pytest, and whoever has it does not pay for importing it.
    sys.modules["pytest"].register_assert_rewrite(
        "idsync.testing.store_checks", "idsync.testing.store_suite", "idsync.testing.strategy_suite"
    )
