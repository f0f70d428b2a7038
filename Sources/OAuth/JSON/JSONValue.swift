/// A JSON value (RFC 8259), numbers as they were written.
public indirect enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The value under a dotted path of member names and list indices, such as `data.0.token`.
    public subscript(path path: String) -> JSONValue? {
        path.split(separator: ".", omittingEmptySubsequences: false).reduce(self as JSONValue?) { value, part in
            switch value {
            case .object(let members)?: members[String(part)]
            case .array(let elements)?: Int(part).flatMap { elements.indices.contains($0) ? elements[$0] : nil }
            default: nil
            }
        }
    }
}

/// A number by its text: nothing is lost to floating point before somebody decides what it means.
public struct JSONNumber: Sendable, Hashable {
    public let text: String

    public init(_ value: Int) {
        text = String(value)
    }

    init(validText text: String) {
        self.text = text
    }

    /// Exact, for what is written as a whole number within 64 bits.
    public var int: Int? { Int(text) }

    public var double: Double { Double(text) ?? .nan }
}

/// Members in the order they came, each name once. Prints names alone: what a token endpoint sends holds tokens at any
/// depth. `JSONValue.serialized()` writes all of it.
public struct JSONObject: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    private struct Member: Sendable, Hashable {
        let name: String
        let value: JSONValue
    }

    private var members: [Member]
    private var places: [String: Int]

    public init(_ pairs: [(String, JSONValue)] = []) {
        members = []
        places = [:]
        for (name, value) in pairs { self[name] = value }
    }

    /// Setting nil removes the member.
    public subscript(name: String) -> JSONValue? {
        get { places[name].map { members[$0].value } }
        set {
            switch (places[name], newValue) {
            case (let place?, let value?): members[place] = Member(name: name, value: value)
            case (nil, let value?):
                places[name] = members.count
                members.append(Member(name: name, value: value))
            case (let place?, nil):
                members.remove(at: place)
                places = Dictionary(uniqueKeysWithValues: members.enumerated().map { ($1.name, $0) })
            case (nil, nil): return
            }
        }
    }

    public var pairs: [(String, JSONValue)] { members.map { ($0.name, $0.value) } }
    public var names: [String] { members.map(\.name) }
    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }

    public var description: String { "JSONObject(\(names.joined(separator: ", ")))" }
    public var customMirror: Mirror { Mirror(self, children: [("names", names)]) }
}
