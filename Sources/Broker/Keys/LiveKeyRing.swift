import Sealing
import Synchronization

/// The key ring that is in force: read anew for each box, since a rotation changes it while the service runs.
final class LiveKeyRing: Sendable {
    private let ring: Locked<KeyRing>

    init(_ ring: KeyRing) {
        self.ring = Locked(ring)
    }

    var current: KeyRing { ring.withLock { $0 } }

    func replace(with ring: KeyRing) {
        self.ring.withLock { $0 = ring }
    }
}
