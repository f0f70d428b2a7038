import BrokerTesting
import Foundation
import NIOHTTP1
import Testing

extension WholeServiceTests {
    private func member(_ text: String, _ name: String) throws -> Any? {
        (try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])?[name]
    }

    @Test("Secrets rotate beside a running service: verified, rolled back, many at once; and the log of it is whole")
    func rotatingSecrets() async throws {
        let credence = try Credence()
        try await credence.run("init")
        try await credence.serve()
        let key = try await credence.run("callers", "add", "bot", "--role", "runtime").output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        for name in ["a", "b"] {
            #expect(try await credence.run("connections", "add", name, "--provider", "api-key").status == 0)
            #expect(
                try await credence.run(["secrets", "set", name, "--secret-stdin"], input: "old-\(name)").status == 0)
        }
        func read(_ name: String) async throws -> String {
            try await Wire.call(.GET, "\(credence.url)/v1/connections/\(name)/credential", key: key).text
        }
        #expect(try await read("a").contains("old-a"))
        let rotated = try await credence.run(["secrets", "rotate", "a", "--secret-stdin"], input: "new-a")
        #expect(rotated.status == 0 && rotated.output.contains("version 2"), "\(rotated.complaint)")
        #expect(try await read("a").contains("new-a"), "at once, without a restart")
        #expect(try await credence.run("secrets", "rollback", "a").status == 0)
        #expect(try await read("a").contains("old-a"))

        let file = credence.data + "/keys.jsonl"
        try Data("{\"connection\":\"a\",\"api_key\":\"bulk-a\"}\n".utf8).write(to: URL(fileURLWithPath: file))
        let partial = try await credence.run("secrets", "rotate", "--all", "--provider", "api-key", "--from-file", file)
        #expect(partial.status == 2 && partial.complaint.contains("Nothing was changed"))
        try Data(
            "{\"connection\":\"a\",\"api_key\":\"bulk-a\"}\n{\"connection\":\"b\",\"api_key\":\"bulk-b\"}\n".utf8
        ).write(to: URL(fileURLWithPath: file))
        for expected in ["rotated 2, unchanged 0", "rotated 0, unchanged 2"] {
            let bulk = try await credence.run(
                "secrets", "rotate", "--all", "--provider", "api-key", "--from-file", file)
            #expect(bulk.status == 0 && bulk.output.contains(expected), "\(bulk.output)\(bulk.complaint)")
        }
        #expect(try await read("b").contains("bulk-b"))
        let history = try await credence.run("secrets", "history", "a").output
        #expect(history.contains("current") && history.contains("value of 1") && !history.contains("bulk-a"))

        let whole = try await credence.run("audit", "verify")
        #expect(whole.status == 0 && whole.output.contains("whole"), "\(whole.output)\(whole.complaint)")
        let refused = try await Wire.call(.GET, "\(credence.url)/v1/connections/none/credential", key: key)
        #expect(refused.status == 404)
        #expect(try await credence.run("audit", "tail").output.contains("credential.read  bot  none  not_found"))
        for format in ["json", "ocsf", "cef"] {
            let lines = try await credence.run("audit", "export", "--format", format).output
            #expect(lines.contains("secret.rollback") && !lines.contains("bulk-"), "\(format)")
        }
        let log = URL(fileURLWithPath: credence.data + "/audit.log")
        let text = try String(contentsOf: log, encoding: .utf8)
        try Data(text.replacingOccurrences(of: "\"secret.rollback\"", with: "\"secret.rollbacK\"").utf8).write(to: log)
        let tampered = try await credence.run("audit", "verify")
        #expect(tampered.status == 1 && tampered.output.contains("was edited"), "\(tampered.output)")
    }

    @Test("S19, S20, R22: backed up under reads, before and after a rotation of keys; restored, held, claimed")
    func backup() async throws {
        let credence = try Credence()
        try await credence.run("init")
        try await credence.serve()
        let admin = try await credence.run("callers", "add", "adm", "--role", "admin").output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        for number in 0..<40 {
            let body = #"{"id":"k\#(number)","provider":"api-key","secret":{"api_key":"canary-\#(number)"}}"#
            _ = try await Wire.call(.POST, "\(credence.url)/v1/connections", key: admin, body: body)
        }
        let url = credence.url
        let reading = Task {
            var failed = 0
            do {
                while !Task.isCancelled {
                    for number in 0..<40 {
                        let answer = try await Wire.call(
                            .GET, "\(url)/v1/connections/k\(number)/credential", key: admin)
                        if answer.status != 200 { failed += 1 }
                    }
                }
            } catch is CancellationError {}
            return failed
        }
        let before = credence.data + "/before.db"
        let after = credence.data + "/after.db"
        let first = try await credence.run("backup", before)
        #expect(first.status == 0, "\(first.complaint)")
        #expect(try await credence.run("backup", before).status == 1, "never written over")
        #expect(try await credence.run("keys", "rotate").status == 0)
        #expect(try await credence.run("backup", after).status == 0)
        reading.cancel()
        #expect(try await reading.value == 0)
        #expect(try await credence.run("verify").status == 0)
        try await credence.stop()

        // S10: nothing of a secret, and no master key.
        let masterKey = try Data(contentsOf: URL(fileURLWithPath: credence.data + "/master.key"))
        for file in [before, after] {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            #expect(bytes.range(of: Data("canary-".utf8)) == nil && bytes.range(of: masterKey.prefix(32)) == nil)
            let verified = try await credence.run("verify", file)
            #expect(verified.status == 0, "\(verified.output)\(verified.complaint)")
        }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: credence.data).filter {
                $0.hasSuffix(".tmp") || $0.hasPrefix("verify-")
            } == [])

        for file in [before, after] {
            let folder = credence.data + "-restored"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            let bare = try await Credence.run(["restore", file, "--data", folder])
            #expect(bare.status == 1 && bare.complaint.contains("master key"), "\(bare.complaint)")
            try FileManager.default.copyItem(atPath: credence.data + "/master.key", toPath: folder + "/master.key")
            let restored = try await Credence.run(["restore", file, "--data", folder])
            #expect(restored.status == 0, "\(restored.complaint)")
            #expect(restored.output.contains("40 connections"))
            #expect(
                try await Credence.run(["restore", file, "--data", folder]).status == 4, "into an empty folder only")
            let report = try await Credence.run(["verify", "--json", "--data", folder])
            #expect(try member(report.output, "refresh_held") as? Bool == true, "\(report.output)")
            #expect(
                try await Credence.run(["credential", "k7", "--format", "token", "--data", folder]).output
                    == "canary-7\n")
            #expect(try await Credence.run(["restore", "claim", "--data", folder]).status == 0)
            let claimed = try await Credence.run(["verify", "--json", "--data", folder])
            #expect(try member(claimed.output, "refresh_held") as? Bool == false)
            #expect(try member(claimed.output, "whole") as? Bool == true, "\(claimed.output)")
        }

        // A folder that was copied is in doubt too; the one that it was copied from is not.
        let copy = credence.data + "-copy"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        try FileManager.default.copyItem(atPath: credence.data, toPath: copy)
        let copied = try await Credence.run(["verify", "--json", "--data", copy])
        #expect(try member(copied.output, "refresh_held") as? Bool == true, "\(copied.output)")
        let original = try await credence.run("verify", "--json")
        #expect(try member(original.output, "refresh_held") as? Bool == false)
    }
}

extension WholeServiceTests {
    @Test("S18, I25: doctor finds loose files and secrets that end, and says that cores are off")
    func doctor() async throws {
        let credence = try Credence()
        try await credence.run("init")
        let soon = Date().addingTimeInterval(5 * 86_400).formatted(.iso8601.year().month().day())
        _ = try await credence.run("connections", "add", "key", "--provider", "api-key")
        let set = try await credence.run(
            ["secrets", "set", "key", "--secret-stdin", "--expires-at", soon], input: "canary")
        #expect(set.status == 0, "\(set.complaint)")
        let found = try await credence.run("doctor")
        #expect(found.output.contains("ok     core files") && found.output.contains("ok     files"), "\(found.output)")
        #expect(found.output.contains("connection key ends at \(soon)T00:00:00Z: rotate it"), "\(found.output)")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o640], ofItemAtPath: credence.data + "/audit.heads")
        let loose = try await credence.run("doctor")
        #expect(loose.status == 1 && loose.output.contains("audit.heads"), "\(loose.output)")
        let nowhere = try await Credence.run(["doctor", "--data", credence.data + "-none"])
        #expect(nowhere.status == 1 && nowhere.output.contains("credence init"), "\(nowhere.output)")
    }
}
