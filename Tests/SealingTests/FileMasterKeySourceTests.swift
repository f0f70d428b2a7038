import Foundation
import Glibc
import Testing

@testable import Sealing

@Suite("Master key file")
struct FileMasterKeySourceTests {
    private static let digits = String(repeating: "0123456789abcdef", count: 4)

    private func write(_ text: String, to path: String, mode: mode_t = 0o400) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        #expect(chmod(path, mode) == 0)
    }

    private func refusal(_ path: String) -> SealingError? {
        failure { () throws(SealingError) in try FileMasterKeySource(path: path).masterKey() }
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode : 0
    }

    @Test("64 hexadecimal digits are read, with and without a line end", arguments: ["", "\n", "\r\n"])
    func read(end: String) throws {
        try withFolder { folder in
            let path = "\(folder)/key"
            for text in [Self.digits, Self.digits.uppercased()] {
                unlink(path)
                try write(text + end, to: path)
                let key = try FileMasterKeySource(path: path).masterKey()
                #expect(opened(key.key) == bytes(hex: Self.digits))
            }
        }
    }

    private static let contents: [(text: String, problem: String)] = {
        let short = String(digits.dropLast())
        return [
            ("", "too short"), ("\n", "too short"), (short, "too short"), (short + "\n", "too short"),
            (digits + "0", "too long"), (digits + "\n\n", "too long"), (digits + digits, "too long"),
            (digits + " ", "too long"), (String(repeating: "0", count: 100_000), "too long"),
            (short + "g", "something else"), (short + "\0", "something else"), (" " + short, "something else"),
        ]
    }()

    @Test("S6: short, long and other content is refused", arguments: contents)
    func content(_ text: String, _ expected: String) throws {
        try withFolder { folder in
            let path = "\(folder)/key"
            try write(text, to: path)
            let error = refusal(path)
            #expect(error?.code == .masterKeyMalformed)
            #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
        }
    }

    @Test(
        "S6: a mode looser than 0400 is refused",
        arguments: [0o600, 0o500, 0o440, 0o404, 0o640, 0o644, 0o777, 0o420, 0o401, 0o4400] as [mode_t])
    func mode(_ mode: mode_t) throws {
        try withFolder { folder in
            let path = "\(folder)/key"
            try write(Self.digits, to: path, mode: mode)
            let error = refusal(path)
            #expect(error?.code == .masterKeyPermissive)
            #expect(error?.description.contains("0\(String(mode, radix: 8))") == true)
        }
    }

    @Test("S6: a key of another user is refused, one of root's is not")
    func owner() {
        var status = stat()
        status.st_mode = S_IFREG | 0o400
        status.st_uid = 1000
        func refusal(user: uid_t) -> SealingError? {
            FileMasterKeySource.refusal(of: status, path: "key", user: user, isCredential: false)
        }
        #expect(refusal(user: 1000) == nil)
        #expect(refusal(user: 1001)?.code == .masterKeyPermissive)
        #expect(refusal(user: 0)?.code == .masterKeyPermissive)
        status.st_uid = 0
        #expect(refusal(user: 1000) == nil)
    }

    @Test("S6: each thing that can be wrong with a key has an error of its own, which names the file")
    func distinct() throws {
        try withFolder { folder in
            try write(String(Self.digits.dropLast()), to: "\(folder)/short")
            try write(Self.digits + "0", to: "\(folder)/long")
            try write(String(Self.digits.dropLast()) + "g", to: "\(folder)/garbage")
            try write(Self.digits, to: "\(folder)/loose", mode: 0o644)
            try write(Self.digits, to: "\(folder)/key")
            #expect(symlink("\(folder)/key", "\(folder)/link") == 0)
            #expect(mkfifo("\(folder)/pipe", 0o400) == 0)
            #expect(mkdir("\(folder)/folder", 0o400) == 0)
            let expected: [(String, SealingError.Code)] = [
                ("short", .masterKeyMalformed), ("long", .masterKeyMalformed), ("garbage", .masterKeyMalformed),
                ("loose", .masterKeyPermissive), ("link", .masterKeyUnreadable), ("pipe", .masterKeyUnreadable),
                ("folder", .masterKeyUnreadable), ("missing", .masterKeyUnreadable),
                ("key/below", .masterKeyUnreadable),
            ]
            for (name, code) in expected {
                let error = refusal("\(folder)/\(name)")
                #expect(error?.code == code, "\(name)")
                #expect(error?.description.contains("\(folder)/\(name)") == true, "\(name)")
                #expect(error?.description.contains(Self.digits.prefix(8)) == false, "\(name)")
            }
            let sentences = expected.prefix(6).map { name, _ in
                refusal("\(folder)/\(name)")?.description.replacing("\(folder)/\(name)", with: "")
            }
            #expect(Set(sentences).count == sentences.count)
        }
    }

    @Test("a key file is made with mode 0400, and read back")
    func create() throws {
        try withFolder { folder in
            let path = "\(folder)/key"
            try FileMasterKeySource.createFile(at: path)
            #expect(mode(path) == S_IFREG | 0o400)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == 65)
            let key = try FileMasterKeySource(path: path).masterKey()
            #expect(try FileMasterKeySource(path: path).masterKey().id == key.id)
            try FileMasterKeySource.createFile(at: "\(folder)/other")
            #expect(try FileMasterKeySource(path: "\(folder)/other").masterKey().id != key.id)
        }
    }

    @Test("making a key never replaces a file, nor follows a link")
    func createTwice() throws {
        try withFolder { folder in
            let path = "\(folder)/key"
            try FileMasterKeySource.createFile(at: path)
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(symlink("\(folder)/target", "\(folder)/link") == 0)
            for name in ["key", "link"] {
                let error = failure { () throws(SealingError) in
                    try FileMasterKeySource.createFile(at: "\(folder)/\(name)")
                }
                #expect(error?.code == .masterKeyUnwritable)
                #expect(error?.description.contains("there already") == true)
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
            #expect(!FileManager.default.fileExists(atPath: "\(folder)/target"))
        }
    }

    @Test("a key in a folder that is not there cannot be made")
    func createNowhere() throws {
        try withFolder { folder in
            let error = failure { () throws(SealingError) in
                try FileMasterKeySource.createFile(at: "\(folder)/missing/key")
            }
            #expect(error?.code == .masterKeyUnwritable)
        }
    }
}
