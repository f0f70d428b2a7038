#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <unistd.h>

int credence_forbid_dumps(void) {
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : errno;
}

int credence_lock_file(int file_descriptor) {
    struct flock whole;
    memset(&whole, 0, sizeof whole);
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    return fcntl(file_descriptor, F_OFD_SETLK, &whole) == 0 ? 0 : errno;
}

int credence_is_dumpable(void) {
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

int credence_clock_is_synchronized(void) {
    struct timex nothing;
    memset(&nothing, 0, sizeof nothing);
    int state = adjtimex(&nothing);
    if (state < 0) return -1;
    return (nothing.status & STA_UNSYNC) == 0 && state != TIME_ERROR;
}

int64_t credence_file_system(const char *path) {
    struct statfs found;
    return statfs(path, &found) == 0 ? (int64_t)found.f_type : -1;
}
