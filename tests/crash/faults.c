/* Faults for a real process, preloaded: slow, failing and stuck syncs, and a clock that somebody sets.
 *
 * The switches lie in a file that the test maps as well, so they turn while the process runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct switches {
    volatile int64_t delay_us;     /* each sync takes so much longer */
    volatile int64_t failures;     /* so many syncs fail; below 0: all of them */
    volatile int64_t stuck;        /* syncs do not return while this is not 0 */
    volatile int64_t clock_ms;     /* added to the time of day */
    volatile int64_t synced;       /* counts syncs that succeeded */
    volatile int64_t failed;       /* counts syncs that were made to fail */
    volatile int64_t waiting;      /* counts syncs that have been held up */
    volatile int64_t write_error;  /* errno of every write, 0: none */
    char only[64];                 /* faults befall files whose names end so */
};

static struct switches none, *on = &none;

__attribute__((constructor)) static void open_switches(void) {
    const char *path = getenv("IDSYNC_FAULTS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
        on = mapped;
    close(file);
}

static int is_meant(int file) {
    char link[64], name[4096];
    size_t suffix = strlen(on->only);
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, name, sizeof name);
    return length >= (ssize_t)suffix && memcmp(name + length - suffix, on->only, suffix) == 0;
}

static void pause_us(int64_t us) {
    struct timespec time = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&time, NULL);
}

/* Gives -1 where the sync is to fail. As on Linux, the data of a sync that failed never reaches the disk,
 * and the next sync knows nothing of it. */
static int befall(int file) {
    if (!is_meant(file))
        return 0;
    if (on->delay_us)
        pause_us(on->delay_us);
    if (on->stuck) {
        __sync_fetch_and_add(&on->waiting, 1);
        while (on->stuck)
            pause_us(1000);
    }
    if (on->failures) {
        if (on->failures > 0)
            __sync_fetch_and_sub(&on->failures, 1);
        __sync_fetch_and_add(&on->failed, 1);
        errno = EIO;
        return -1;
    }
    __sync_fetch_and_add(&on->synced, 1);
    return 0;
}

int fsync(int file) {
    static int (*real)(int);
    if (!real)
        real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return befall(file) ? -1 : real(file);
}

int fdatasync(int file) {
    static int (*real)(int);
    if (!real)
        real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return befall(file) ? -1 : real(file);
}

/* Gives -1 where the disk is full, or can only be read. */
static int refuse(int file) {
    if (!on->write_error || !is_meant(file))
        return 0;
    errno = (int)on->write_error;
    return -1;
}

ssize_t write(int file, const void *data, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    return refuse(file) ? -1 : real(file, data, size);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
    static ssize_t (*real)(int, const void *, size_t, off_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    return refuse(file) ? -1 : real(file, data, size, at);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    return refuse(file) ? -1 : real(file, data, size, at);
}

int ftruncate(int file, off_t size) {
    static int (*real)(int, off_t);
    if (!real)
        real = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate");
    return refuse(file) ? -1 : real(file, size);
}

int ftruncate64(int file, off64_t size) {
    static int (*real)(int, off64_t);
    if (!real)
        real = (int (*)(int, off64_t))dlsym(RTLD_NEXT, "ftruncate64");
    return refuse(file) ? -1 : real(file, size);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && on->clock_ms) {
        int64_t ns = time->tv_sec * 1000000000LL + time->tv_nsec + on->clock_ms * 1000000LL;
        time->tv_sec = ns / 1000000000LL;
        time->tv_nsec = ns % 1000000000LL;
    }
    return result;
}
