/// What is still to be done before the retired data keys can go: one step at a time, and what each may lead to. It
/// remembers nothing across a stop: what is sealed under which key stands in the boxes, so another process begins again
/// at the first place and passes over what is done.
struct KeyRotation: Sendable, Equatable {
    enum Step: Sendable, Equatable {
        /// Read the next rows of this place and seal them again.
        case reseal(SealedPlace, after: SealedRow.Name?)
        /// Every place was walked: count what is left under the old keys.
        case count
        /// None was left; what was read before may still be written back, so this often more is looked later.
        case wait(Int)
        /// Look once more, and remove the old keys in the same transaction.
        case remove
        /// Boxes are left that do not open, so their key must stay: an administrator's matter.
        case blocked
        case rest
    }

    private(set) var step: Step
    /// Rows that were sealed again.
    private(set) var done = 0
    /// Boxes of this walk that do not open.
    private(set) var unopened = 0

    /// Rows a transaction.
    static let batch = 100

    private static let first = Step.reseal(SealedPlace.allCases[0], after: nil)

    init(hasRetired: Bool) {
        step = hasRetired ? Self.first : .rest
    }

    /// Whether boxes are being sealed again.
    var isUnderWay: Bool {
        switch step {
        case .reseal, .count: true
        case .wait, .remove, .blocked, .rest: false
        }
    }

    /// Rows were read and as many as could be were sealed again.
    mutating func resealed(_ count: Int, upTo last: SealedRow.Name?, wasLast: Bool, unopened: Int) {
        guard case .reseal(let place, _) = step else { return }
        done += count
        self.unopened += unopened
        guard wasLast else { return step = .reseal(place, after: last) }
        let places = SealedPlace.allCases
        let next = (places.firstIndex(of: place) ?? 0) + 1
        step = next < places.count ? .reseal(places[next], after: nil) : .count
    }

    /// - Parameter left: boxes under an old key.
    mutating func counted(left: Int, waiting ticks: Int) {
        guard step == .count else { return }
        if left == 0 { return step = ticks > 0 ? .wait(ticks) : .remove }
        // Somebody wrote what he had sealed before; or it is damaged, and another walk would change nothing.
        step = left <= unopened ? .blocked : Self.first
        unopened = 0
    }

    mutating func waited() {
        guard case .wait(let ticks) = step else { return }
        step = ticks > 1 ? .wait(ticks - 1) : .remove
    }

    enum Removal: Sendable {
        case removed
        /// A box is sealed under it again.
        case needed
        /// What waits to be written is.
        case unwritten
    }

    mutating func tried(_ removal: Removal, waiting ticks: Int) {
        guard step == .remove else { return }
        switch removal {
        case .removed: step = .rest
        case .needed: step = Self.first
        // Without time to wait (a verb), the next service does it.
        case .unwritten: step = ticks > 0 ? .wait(1) : .rest
        }
    }
}
