import AuditLog
import Broker
import Foundation
import Testing

@Suite("The audit log")
final class FileAuditSinkTests {
    private let folder = NSTemporaryDirectory() + "audit-" + UUID().uuidString
    private var path: String { folder + "/audit.log" }

    static let keys = AuditKeys(chain: Array(repeating: 1, count: 32), head: Array(repeating: 2, count: 32))

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
        let sink = try FileAuditSink(path: path, keys: Self.keys)
        try sink.record(event(7))
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let start =
            #"{"seq":1,"time":"2026-11-22T23:41:25.762Z","action":"credential.read","caller":"rt","connection":"crm","version":7,"result":"ok","prev":""#
        #expect(text.hasPrefix(start + String(repeating: "0", count: 64) + #"","mac":""#))
        #expect(text.hasSuffix("\"}\n") && text.utf8.count == start.utf8.count + 64 + 9 + 64 + 3)
    }

    @Test("I30: what could break a line or steer a terminal is escaped")
    func escaped() throws {
        let sink = try FileAuditSink(path: path, keys: Self.keys)
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
        let sink = try FileAuditSink(path: path, keys: Self.keys)
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
        let sink = try FileAuditSink(path: path, keys: Self.keys)
        for number in 1...5 { try sink.record(event(number)) }
        let lines = try sink.tail(2)
        #expect(lines.count == 2)
        #expect(lines[0].contains(#""version":4"#) && lines[1].contains(#""version":5"#))
    }

    @Test("a line that a crash cut stays apart from the next")
    func cutLine() throws {
        try Data(#"{"time":"2026"#.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        let sink = try FileAuditSink(path: path, keys: Self.keys)
        try sink.record(event(3))
        #expect(try sink.tail(1)[0].contains(#""version":3"#))
    }

    @Test("S18: the file is private, and one that is open to others or a link is refused")
    func modes() throws {
        _ = try FileAuditSink(path: path, keys: Self.keys)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(throws: AuditFailure.self) { _ = try FileAuditSink(path: self.path, keys: Self.keys) }
        let link = folder + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        #expect(throws: AuditFailure.self) { _ = try FileAuditSink(path: link, keys: Self.keys) }
    }

    @Test("I28: a full disk is a failure, and stays one while it is full")
    func fullDisk() throws {
        // /dev/full takes no byte; it is no regular file, so it is refused at once.
        #expect(throws: AuditFailure.self) { _ = try FileAuditSink(path: "/dev/full", keys: Self.keys) }
    }

    // MARK: The chain

    private func open(_ change: (inout FileAuditSink.Settings) -> Void = { _ in }) throws -> FileAuditSink {
        var settings = FileAuditSink.Settings()
        change(&settings)
        return try FileAuditSink(path: path, keys: Self.keys, settings: settings)
    }

    /// Lines in several files, by several processes, each of which signed its head at the end.
    private func fill(_ count: Int, largest: Int = 256 << 20) throws {
        var number = 0
        while number < count {
            let sink = try open { $0.largest = largest }
            for _ in 0..<min(20, count - number) {
                number += 1
                try sink.record(event(number))
            }
        }
    }

    private var logs: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".log") }.sorted()
        }
    }

    @Test("What was written is whole, across processes and files")
    func whole() throws {
        try fill(50, largest: 4000)
        #expect(try logs.count > 2)
        let found = try open().verify()
        #expect(found.problems == [] && found.notes == [])
        #expect(found.lines == 50 && found.first == 1 && found.last == 50 && found.heads == 3)
        #expect(try open().tail(3).count == 3)
        #expect(try open().lines(after: 20, limit: 15).count == 15)
        #expect(try open().lines(after: 20, limit: 15)[0].hasPrefix(#"{"seq":21,"#))
        #expect(try open().lines(after: 50, limit: 15).isEmpty)
    }

    @Test("A new day begins a new file; a clock that is set back does not")
    func days() throws {
        let sink = try open()
        var event = event()
        for day in [0, 1, 0, 1, 2] {
            event.at = Timestamp(milliseconds: 4_102_444_800_000 + Int64(day) * 86_400_000)
            try sink.record(event)
        }
        #expect(
            try logs.map { $0.split(separator: "-").last.map(String.init) ?? "" }.filter { $0 != "audit.log" }.count
                == 2)
        #expect(try sink.verify().problems == [])
    }

    @Test("With fsync, the lines of many threads are whole too")
    func synced() async throws {
        let sink = try open { $0.isSynced = true }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                let event = event(number)
                group.addTask { try sink.record(event) }
            }
            try await group.waitForAll()
        }
        let found = try sink.verify()
        #expect(found.lines == 200 && found.problems == [])
    }

    @Test("A line that a crash cut is a note, and no problem")
    func cutByCrash() throws {
        try fill(5)
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(#"{"seq":6,"time":"2026-11-2"#.utf8))
        try handle.close()
        let sink = try open()
        #expect(try sink.verify().isWhole, "before the next line")
        try sink.record(event(6))
        let found = try sink.verify()
        #expect(found.problems == [] && found.notes.count == 1 && found.lines == 6)
    }

    @Test("A log of before there were chains is kept beside the new one")
    func unchained() throws {
        try Data("{\"time\":\"2026\"}\n".utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        let sink = try open()
        try sink.record(event())
        #expect(try sink.verify().isWhole)
        #expect(try logs.contains { $0.hasPrefix("audit-unchained-") })
    }

    @Test("A rotation that was cut in the middle leaves one log")
    func halfRotation() throws {
        try fill(5)
        try FileManager.default.linkItem(atPath: path, toPath: folder + "/audit-000000000001-20261122.log")
        let sink = try open()
        try sink.record(event(6))
        #expect(try sink.verify().lines == 6)
        #expect(try sink.verify().isWhole)
    }

    @Test("Another installation's key finds nothing whole")
    func otherKey() throws {
        try fill(3)
        let other = AuditKeys(chain: Array(repeating: 9, count: 32), head: Array(repeating: 8, count: 32))
        #expect(try !FileAuditSink(path: path, keys: other).verify().isWhole)
    }

    @Test("I29: a hundred tamperings of every kind, and each is found")
    func tamperings() throws {
        try fill(60, largest: 6000)
        let names = try logs
        #expect(names.count > 2)
        var originals: [String: Data] = [:]
        for name in names + ["audit.heads"] {
            originals[name] = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
        }
        var random = SystemRandomNumberGenerator()
        var missed: [String] = []
        for number in 0..<100 {
            for (name, data) in originals { try data.write(to: URL(fileURLWithPath: folder + "/" + name)) }
            let name = try #require(names.randomElement(using: &random))
            let file = URL(fileURLWithPath: folder + "/" + name)
            var lines = try #require(originals[name]).split(separator: UInt8(ascii: "\n"))
            let place = Int.random(in: lines.indices, using: &random)
            let kind = ["edit", "delete", "swap", "copy", "insert", "cut", "remove", "bit"][number % 8]
            switch kind {
            case "edit":
                let text = String(decoding: lines[place], as: UTF8.self)
                lines[place] = Data(text.replacingOccurrences(of: #""caller":"rt""#, with: #""caller":"ok""#).utf8)
            case "bit":
                var line = Data(lines[place])
                line[Int.random(in: 0..<line.count, using: &random)] ^= 1 << UInt8.random(in: 0..<7, using: &random)
                lines[place] = line
            case "delete": lines.remove(at: place)
            case "swap": lines.swapAt(place, place == 0 ? 1 : place - 1)
            case "copy": lines.insert(lines[place], at: Int.random(in: lines.indices, using: &random))
            case "insert": lines.insert(Data(#"{"time":"2026-11-22T00:00:00.000Z","action":"x"}"#.utf8), at: place)
            // The end of it all: the last file loses its last lines, and its head stays.
            case "cut":
                let last = try #require(names.max { $0 == "audit.log" ? false : $1 == "audit.log" || $0 < $1 })
                let kept = try #require(originals[last]).split(separator: UInt8(ascii: "\n")).dropLast(1)
                let text = kept.map { $0 + [0x0A] }.reduce(Data(), +)
                try text.write(to: URL(fileURLWithPath: folder + "/" + last))
            default: try FileManager.default.removeItem(at: file)
            }
            if !["cut", "remove"].contains(kind) {
                try lines.map { $0 + [0x0A] }.reduce(Data(), +).write(to: file)
            }
            for name in names where FileManager.default.fileExists(atPath: folder + "/" + name) {
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder + "/" + name)
            }
            if try open().verify().isWhole { missed.append("\(kind) in \(name), line \(place + 1)") }
            // What opening the log for the trial has left behind.
            for name in try logs where originals[name] == nil {
                try FileManager.default.removeItem(atPath: folder + "/" + name)
            }
        }
        #expect(missed == [])
    }
}
