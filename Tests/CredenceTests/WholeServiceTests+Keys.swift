import BrokerTesting
import Foundation
import NIOHTTP1
import Testing

extension WholeServiceTests {
    private static let names = (0..<150).map { "k\($0)" }

    /// API keys, set through the service.
    private func filled(_ credence: Credence) async throws -> String {
        try await credence.run("init")
        try await credence.serve()
        let admin = try await credence.run("callers", "add", "adm", "--role", "admin").output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        for name in Self.names {
            let body = #"{"id":"\#(name)","provider":"api-key","secret":{"api_key":"secret-of-\#(name)"}}"#
            let made = try await Wire.call(.POST, "\(credence.url)/v1/connections", key: admin, body: body)
            #expect(made.status == 201, "\(made.text)")
        }
        return admin
    }

    /// Reads all of them once; nothing of it is cached after a start.
    private static func read(_ url: String, _ key: String) async throws {
        for name in names {
            let answer = try await Wire.call(.GET, "\(url)/v1/connections/\(name)/credential", key: key)
            #expect(answer.status == 200 && answer.text.contains("secret-of-\(name)"), "\(name): \(answer.text)")
        }
    }

    private func terms(_ credence: Credence) async throws -> [Int: Int] {
        let status = try await credence.run("keys", "status", "--json")
        #expect(status.status == 0, "\(status.complaint)")
        let json = try #require(try JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [String: Any])
        let keys = try #require(json["data_keys"] as? [[String: Any]])
        return Dictionary(
            uniqueKeysWithValues: keys.compactMap { key in
                guard let term = key["term"] as? Int, let boxes = key["boxes"] as? Int else { return nil }
                return (term, boxes)
            })
    }

    @Test(
        "S8: keys rotate while they are read, killed in the middle; keys rewrap; every credential is readable throughout",
        .timeLimit(.minutes(3)))
    func changingKeys() async throws {
        let credence = try Credence()
        let key = try await filled(credence)
        // Beside a running service, under reads.
        let reading = Task { [url = credence.url] in try await Self.read(url, key) }
        let rotated = try await credence.run("keys", "rotate")
        #expect(rotated.status == 0, "\(rotated.complaint)")
        #expect(rotated.output.contains("everything is sealed under data key 2"), "\(rotated.output)")
        try await reading.value
        #expect(try await terms(credence) == [1: 0, 2: 151])

        // Killed in the middle, and once more; the next process goes on.
        for term in 3...4 {
            #expect(try await credence.run("keys", "rotate", "--no-wait", "--json").status == 0)
            try await credence.stop(signal: SIGKILL)
            try await credence.serve()
            try await Self.read(credence.url, key)
            #expect(try await terms(credence)[term] != nil)
        }
        // Without a service the verb does it all, and what nothing needs goes at once.
        try await credence.stop()
        let offline = try await credence.run("keys", "rotate")
        #expect(offline.status == 0, "\(offline.complaint)")
        let left = try await terms(credence)
        #expect(left.count == 1 && left.values.first == 151, "\(left)")

        // The master key: both are configured, one verb changes over, and the old one is needed no longer.
        let refused = try await credence.run("keys", "rewrap")
        #expect(refused.status == 4 && refused.complaint.contains("wrapped by the configured master key already"))
        let file = credence.data + "/new.key"
        try Data((String(repeating: "5a", count: 32) + "\n").utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: file)
        let old = "file:\(credence.data)/master.key"
        try await credence.serve("--master-key", "file:\(file)", "--previous-master-key", old)
        #expect(try await credence.run("keys", "status").output.contains("rewrap"))
        let rewrapped = try await credence.run("keys", "rewrap")
        #expect(rewrapped.status == 0, "\(rewrapped.complaint)")
        try await Self.read(credence.url, key)
        try await credence.stop(signal: SIGKILL)
        try await credence.serve("--master-key", "file:\(file)")
        try await Self.read(credence.url, key)
        try await credence.stop()
        let stale = try await credence.run("keys", "status")
        #expect(stale.status == 1 && stale.complaint.contains("This is not the master key that sealed the data"))
        // On to a passphrase, with a program that gives the key of before.
        let passphrase = credence.data + "/passphrase"
        try Data("six words that nobody would guess\n".utf8).write(to: URL(fileURLWithPath: passphrase))
        try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: passphrase)
        let program = "command:/bin/cat \(file)"
        try await credence.serve("--master-key", "passphrase:\(passphrase)", "--previous-master-key", program)
        #expect(try await credence.run("keys", "rewrap").status == 0)
        try await credence.stop(signal: SIGKILL)
        try await credence.serve("--master-key", "passphrase:\(passphrase)")
        try await Self.read(credence.url, key)
        try await credence.stop()
        let audit = try String(contentsOfFile: credence.data + "/audit.log", encoding: .utf8)
        for action in ["keys.rotate", "keys.reseal", "keys.remove", "keys.rewrap"] {
            #expect(audit.contains(#""\#(action)""#), "\(action)")
        }
        #expect(!audit.contains(String(repeating: "5a", count: 32)))
    }

    @Test("a place of the master key that is none is refused, and what was written there is shown to nobody")
    func masterKeyPlace() async throws {
        let credence = try Credence()
        try await credence.run("init")
        let outcome = try await credence.run("serve", "--master-key", String(repeating: "5a", count: 32))
        #expect(outcome.status == 2 && outcome.complaint.contains("file:PATH"), "\(outcome.complaint)")
        #expect(!outcome.complaint.contains("5a5a"))
    }
}
