import Broker
import Foundation
import GRDB

/// A value on its way into a statement. Values are always bound, never written into the SQL.
enum Value: Sendable {
    case text(String?)
    case integer(Int?)
    case bytes([UInt8]?)
    case time(Timestamp?)
    case json(any Encodable & Sendable)

    fileprivate func bound() throws -> (any DatabaseValueConvertible)? {
        switch self {
        case .text(let text):
            // SQLite takes a NUL for the end of the text.
            if let text, text.utf8.contains(0) { throw TextHoldsNUL() }
            return text
        case .integer(let integer): return integer
        case .bytes(let bytes): return bytes.map { Data($0) }
        case .time(let time): return time?.milliseconds
        case .json(let value):
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        }
    }
}

extension Database {
    /// How many rows it changed.
    @discardableResult
    func change(_ sql: String, _ values: [Value]) throws -> Int {
        try prepared(sql, values).execute()
        return changesCount
    }

    func first<T>(_ sql: String, _ values: [Value], _ read: (inout Columns) throws -> T) throws -> T? {
        try all(sql, values, read).first
    }

    func all<T>(_ sql: String, _ values: [Value], _ read: (inout Columns) throws -> T) throws -> [T] {
        let statement = try prepared(sql, values)
        let rows = try Row.fetchCursor(statement)
        var found: [T] = []
        while let row = try rows.next() {
            var columns = Columns(row)
            found.append(try read(&columns))
        }
        return found
    }

    /// The statement stays compiled for the next time. Every SQL text here is one of a few, so the cache stays small.
    private func prepared(_ sql: String, _ values: [Value]) throws -> Statement {
        let statement = try cachedStatement(sql: sql)
        statement.arguments = StatementArguments(try values.map { try $0.bound() })
        return statement
    }
}

/// Reads a row's columns in the order of the SELECT. A column that does not hold what it should is an error, not
/// a crash: the file may be damaged.
struct Columns {
    private let row: Row
    private var index = 0

    init(_ row: Row) {
        self.row = row
    }

    private mutating func next() -> DatabaseValue.Storage {
        defer { index += 1 }
        return (row[index] as DatabaseValue).storage
    }

    mutating func text() throws -> String {
        guard let text = try optionalText() else { throw Unreadable() }
        return text
    }

    mutating func optionalText() throws -> String? {
        switch next() {
        case .null: return nil
        case .string(let text): return text
        default: throw Unreadable()
        }
    }

    mutating func integer() throws -> Int {
        guard let integer = try optionalInteger() else { throw Unreadable() }
        return integer
    }

    mutating func optionalInteger() throws -> Int? {
        switch next() {
        case .null: return nil
        case .int64(let integer): return Int(integer)
        default: throw Unreadable()
        }
    }

    mutating func bytes() throws -> [UInt8] {
        guard let bytes = try optionalBytes() else { throw Unreadable() }
        return bytes
    }

    mutating func optionalBytes() throws -> [UInt8]? {
        switch next() {
        case .null: return nil
        case .blob(let data): return Array(data)
        default: throw Unreadable()
        }
    }

    mutating func time() throws -> Timestamp {
        Timestamp(milliseconds: Int64(try integer()))
    }

    mutating func optionalTime() throws -> Timestamp? {
        try optionalInteger().map { Timestamp(milliseconds: Int64($0)) }
    }

    mutating func json<T: Decodable>(_ type: T.Type = T.self) throws -> T {
        let text = try text()
        guard let value = try? JSONDecoder().decode(type, from: Data(text.utf8)) else { throw Unreadable() }
        return value
    }

    mutating func identifier<Kind>(_ type: Identifier<Kind>.Type = Identifier<Kind>.self) throws -> Identifier<Kind> {
        guard let identifier = Identifier<Kind>(try text()) else { throw Unreadable() }
        return identifier
    }

    mutating func word<Word: RawRepresentable<String>>(_ type: Word.Type = Word.self) throws -> Word {
        guard let word = Word(rawValue: try text()) else { throw Unreadable() }
        return word
    }
}

/// A stored value is not of the form that Credence writes.
struct Unreadable: Error {}
