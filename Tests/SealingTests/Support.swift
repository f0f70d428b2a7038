import Foundation
import Testing

@testable import Sealing

/// The bytes that a text of hexadecimal digits stands for.
func bytes(hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! }
}

func opened(_ secret: SecretBytes) -> [UInt8] { secret.withUnsafeBytes { Array($0) } }

func masterKey(filledWith byte: UInt8 = 7) throws -> MasterKey {
    try MasterKey(SecretBytes(copying: [UInt8](repeating: byte, count: 32)))
}

func place(
    _ table: SealTable = .connection, _ column: SealColumn = .credential, record: String = "conn-1", version: UInt64 = 1
) -> SealContext {
    SealContext(table: table, column: column, record: record, version: version)
}

/// The error that a body throws; an issue when it throws none.
func failure<Value>(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws(SealingError) -> Value
) -> SealingError? {
    do {
        _ = try body()
        Issue.record("nothing was refused", sourceLocation: sourceLocation)
        return nil
    } catch {
        return error
    }
}

/// A folder that is gone afterwards.
func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sealing-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
}
