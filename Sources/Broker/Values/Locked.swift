#if SANITIZE_THREAD
import Glibc

/// A lock the thread sanitizer can see. It cannot see `Synchronization.Mutex`, whose futex lies inside the standard
/// library, and calls every use of one a race; so the sanitizer's build (`.ci/run`) takes POSIX's.
package final class Locked<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    package init(_ initialValue: consuming sending Value) {
        mutex = .allocate(capacity: 1)
        value = initialValue
        precondition(pthread_mutex_init(mutex, nil) == 0)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    package func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
#else
package import Synchronization

/// A value behind a lock. The sanitizer's build has another, see above; elsewhere it is the standard library's.
package typealias Locked<Value: ~Copyable> = Mutex<Value>
#endif
