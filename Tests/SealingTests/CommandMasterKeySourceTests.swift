import Foundation
import Testing

@testable import Sealing

@Suite("The master key from a program")
struct CommandMasterKeySourceTests {
    private static let digits = String(repeating: "a5", count: 32)

    private func refusal(_ arguments: [String], within limit: Duration = .seconds(20)) async -> SealingError? {
        do throws(SealingError) {
            _ = try await CommandMasterKeySource(arguments, limit: limit).masterKey()
            return nil
        } catch {
            return error
        }
    }

    @Test("what it prints is the key, and its arguments go through no shell")
    func read() async throws {
        let source = try CommandMasterKeySource(["/usr/bin/printf", "%s\\n", Self.digits])
        #expect(opened(try await source.masterKey().key) == bytes(hex: Self.digits))
        let quoted = try CommandMasterKeySource(["/bin/echo", "$(echo \(Self.digits))"])
        await #expect(throws: SealingError(.masterKeyMalformed, "")) { try await quoted.masterKey() }
    }

    @Test("S6: a program that is not there, fails, says nothing or too much is refused, and nothing it said is shown")
    func refused() async throws {
        let cases: [([String], SealingError.Code)] = [
            (["/nonexistent/program"], .masterKeyUnreadable),
            (["/bin/false"], .masterKeyUnreadable),
            (["/bin/true"], .masterKeyMalformed),
            (["/usr/bin/printf", "%s", Self.digits + "0"], .masterKeyMalformed),
            (["/bin/sh", "-c", "echo \(Self.digits); exit 3"], .masterKeyUnreadable),
            (["/bin/sh", "-c", "kill -9 $$"], .masterKeyUnreadable),
            (["/usr/bin/yes", "a5"], .masterKeyMalformed),
        ]
        for (arguments, code) in cases {
            let error = try #require(await refusal(arguments))
            #expect(error.code == code, "\(arguments[0]): \(error)")
            #expect(!error.description.contains("a5a5"))
            #expect(error.description.contains(arguments[0]))
        }
    }

    @Test("a program without a full path is refused")
    func path() throws {
        let error = failure { () throws(SealingError) in try CommandMasterKeySource(["printf", "x"]) }
        #expect(error?.code == .masterKeyUnreadable)
        #expect(failure { () throws(SealingError) in try CommandMasterKeySource([]) } != nil)
    }

    @Test("S7: a program that hangs is ended, with all that it started")
    func hangs() async throws {
        let started = ContinuousClock.now
        let command = ["/bin/sh", "-c", "/bin/sleep 300 & /bin/sleep 300"]
        let error = try #require(await refusal(command, within: .milliseconds(200)))
        #expect(error.description.contains("gave no answer"))
        #expect(ContinuousClock.now - started < .seconds(20))
    }

    @Test("one that prints the key and then does not end is refused too")
    func staysOn() async throws {
        let command = ["/bin/sh", "-c", "echo \(Self.digits); exec >&-; exec /bin/sleep 300"]
        let error = try #require(await refusal(command, within: .milliseconds(500)))
        #expect(error.description.contains("gave no answer"))
    }
}
