/* Preloaded, makes every fsync and fdatasync take IDSYNC_BENCH_SYNC_DELAY_MS milliseconds longer. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

static double delay_ms;

__attribute__((constructor)) static void read_delay(void)
{
    const char *text = getenv("IDSYNC_BENCH_SYNC_DELAY_MS");
    delay_ms = text ? atof(text) : 0.0;
}

static void wait_a_little(void)
{
    struct timespec left;
    if (delay_ms <= 0.0)
        return;
    left.tv_sec = (time_t)(delay_ms / 1e3);
    left.tv_nsec = (long)((delay_ms - 1e3 * (double)left.tv_sec) * 1e6);
    while (nanosleep(&left, &left) == -1 && errno == EINTR)
        ;
}

static int sync_slowly(const char *name, int descriptor)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    wait_a_little();
    return real(descriptor);
}

int fsync(int descriptor)
{
    return sync_slowly("fsync", descriptor);
}

int fdatasync(int descriptor)
{
    return sync_slowly("fdatasync", descriptor);
}
