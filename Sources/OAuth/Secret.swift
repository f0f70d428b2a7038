/// Text that must not be seen: a token, a key, a password, a code. Prints as dots, compares in a time that depends on
/// the lengths alone.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    public init(_ value: String) {
        self.value = value
    }

    /// The one way out. Call it where the secret leaves for where it belongs, and nowhere else.
    public func reveal() -> String { value }

    public var isEmpty: Bool { value.isEmpty }

    public static func == (left: Secret, right: Secret) -> Bool {
        let left = Array(left.value.utf8)
        let right = Array(right.value.utf8)
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(value) }

    public var description: String { "••••" }
    public var debugDescription: String { "••••" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
