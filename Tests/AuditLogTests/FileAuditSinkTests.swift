import AuditLog
import Broker
import Foundation
import Testing

@Suite("The audit log")
final class FileAuditSinkTests {
    private let folder = NSTemporaryDirectory() + "audit-" + UUID().uuidString
    private var path: String { folder + "/audit.log" }

    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func event(_ number: Int = 1, caller: String = "rt") -> AuditEvent {
        AuditEvent(
            at: Timestamp(milliseconds: 1_795_390_885_762), action: .credentialRead, caller: caller, connection: "crm",
            version: number)
    }

    @Test("an event is one line of JSON")
    func oneLine() throws {
        let sink = try FileAuditSink(path: path)
        try sink.record(event(7))
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(
            text
                == #"{"time":"2026-11-22T23:41:25.762Z","action":"credential.read","caller":"rt","connection":"crm","version":7,"result":"ok"}"#
                + "\n")
    }

    @Test("I30: what could break a line or steer a terminal is escaped")
    func escaped() throws {
        let sink = try FileAuditSink(path: path)
        let nasty = "a\nb\u{1B}[31m\"\\\u{2028}\u{9B}é"
        try sink.record(event(caller: nasty))
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.split(separator: "\n").count == 1)
        #expect(!text.contains("\u{1B}") && !text.contains("\u{9B}") && !text.contains("\u{2028}"))
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        #expect(object?["caller"] as? String == nasty)
    }

    @Test("lines of many tasks never mix")
    func concurrent() async throws {
        let sink = try FileAuditSink(path: path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<500 {
                let event = event(number)
                group.addTask { try sink.record(event) }
            }
            try await group.waitForAll()
        }
        let versions = try sink.tail(1000).map { line in
            (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["version"] as? Int
        }
        #expect(Set(versions) == Set((0..<500).map { $0 }))
    }

    @Test("the tail is the last lines, oldest first")
    func tail() throws {
        let sink = try FileAuditSink(path: path)
        for number in 1...5 { try sink.record(event(number)) }
        let lines = try sink.tail(2)
        #expect(lines.count == 2)
        #expect(lines[0].contains(#""version":4"#) && lines[1].contains(#""version":5"#))
    }

    @Test("a line that a crash cut stays apart from the next")
    func cutLine() throws {
        try Data(#"{"time":"2026"#.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        let sink = try FileAuditSink(path: path)
        try sink.record(event(3))
        #expect(try sink.tail(1)[0].contains(#""version":3"#))
    }

    @Test("S18: the file is private, and one that is open to others or a link is refused")
    func modes() throws {
        _ = try FileAuditSink(path: path)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(throws: AuditFailure.self) { _ = try FileAuditSink(path: self.path) }
        let link = folder + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        #expect(throws: AuditFailure.self) { _ = try FileAuditSink(path: link) }
    }

    @Test("I28: a full disk is a failure, and stays one while it is full")
    func fullDisk() throws {
        // /dev/full takes no byte; it is no regular file, so it is refused at once.
        #expect(throws: AuditFailure.self) { _ = try FileAuditSink(path: "/dev/full") }
    }
}
