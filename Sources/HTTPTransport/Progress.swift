internal import Synchronization

/// How far an exchange has come: whether its request may still be called unsent.
///
/// The deadline and the connection race for it, so that an exchange said not to have arrived never does.
final class Progress: Sendable {
    private enum Step: UInt8, AtomicRepresentable {
        /// Next: sent, given up.
        case unsent
        /// From here on the server may have seen the request. Last.
        case sent
        /// Nothing may be written any more. Last.
        case givenUp
    }

    private let step = Atomic(Step.unsent)

    /// Whether the server may have seen the request.
    var mayHaveArrived: Bool { step.load(ordering: .acquiring) == .sent }

    /// Called before the first byte is written.
    /// - Returns: false when the exchange was given up: then nothing may be written.
    func requestLeaves() -> Bool {
        step.compareExchange(expected: .unsent, desired: .sent, ordering: .acquiringAndReleasing).exchanged
    }

    /// Ends the exchange, unless its request has left.
    /// - Returns: whether the server may have seen the request.
    func giveUp() -> Bool {
        let (_, last) = step.compareExchange(
            expected: .unsent, desired: .givenUp, ordering: .acquiringAndReleasing)
        return last == .sent
    }
}
