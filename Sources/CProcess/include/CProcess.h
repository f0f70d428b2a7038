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

#endif
