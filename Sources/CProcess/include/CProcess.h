#ifndef CREDENCE_CPROCESS_H
#define CREDENCE_CPROCESS_H

#include <stdint.h>

/// What Glibc's Swift module does not carry: variadic calls and _GNU_SOURCE names.

/// Marks the process as not dumpable (prctl(2), PR_SET_DUMPABLE): no core file, no ptrace by the same user.
/// Returns 0, or errno.
int credence_forbid_dumps(void);

/// Takes an open-file-description write lock on the whole file without waiting (fcntl(2), F_OFD_SETLK).
/// Returns 0, or errno (EAGAIN or EACCES when another open file description holds it).
int credence_lock_file(int file_descriptor);

/// 1 when a core file or a tracer of the same user could get at the process (prctl(2), PR_GET_DUMPABLE), else 0.
int credence_is_dumpable(void);

/// 1 when the kernel's clock is disciplined by somebody (adjtimex(2), STA_UNSYNC), 0 when not, -1 when it cannot be told.
int credence_clock_is_synchronized(void);

/// The magic number of the file system that a path lies on (statfs(2)), or -1.
int64_t credence_file_system(const char *path);

#endif
