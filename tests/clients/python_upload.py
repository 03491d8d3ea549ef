"""Uploads batches with the published client for Python, one after the other, as a shop's backend would.

Standard input: {basePath, key, secret, roots, steps}; standard output: what the client made of each step.
A program of its own, because the client keeps what it was told of limits for the whole process.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import mparticle
from mparticle.rest import ApiException


def batch_of(step: dict[str, Any]) -> Any:
    """Build what the client sends."""
    batch = mparticle.Batch()
    batch.environment = "production"
    if "identities" in step:
        batch.user_identities = mparticle.UserIdentities(**step["identities"])
    if "device" in step:
        batch.device_info = mparticle.DeviceInformation(**step["device"])
    if "mp_deviceid" in step:
        batch.mp_deviceid = step["mp_deviceid"]
    if "mpid" in step:
        batch.mpid = int(step["mpid"])
    if "source_request_id" in step:
        batch.source_request_id = step["source_request_id"]
    batch.events = [
        mparticle.AppEvent(event_name=name, custom_event_type="navigation") for name in step["events"]
    ]
    return batch


def upload(api: Any, step: dict[str, Any]) -> dict[str, Any]:
    """Do one step."""
    try:
        if "bulk" in step:
            _, status, headers = api.bulk_upload_events_with_http_info(
                [batch_of(each) for each in step["bulk"]]
            )
        else:
            _, status, headers = api.upload_events_with_http_info(batch_of(step))
    except ApiException as error:
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        return {"status": error.status, "body": error.body or "", "headers": headers}
    except Exception as error:
        if not type(error).__module__.startswith("urllib3"):
            raise
        # the client lets through what its own transport says when nobody answers
        return {"status": 0, "body": type(error).__name__, "headers": {}}
    return {"status": status, "body": "", "headers": {name.lower(): value for name, value in headers.items()}}


if __name__ == "__main__":
    task = json.load(sys.stdin)
    configuration = mparticle.Configuration()
    configuration.host = task["basePath"]
    configuration.api_key = task["key"]
    configuration.api_secret = task["secret"]
    configuration.ssl_ca_cert = task["roots"]
    events = mparticle.EventsApi(configuration)
    json.dump([upload(events, step) for step in task["steps"]], sys.stdout)
