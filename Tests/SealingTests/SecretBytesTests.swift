import Foundation
import Testing

@testable import Sealing

/// Not within a function: its printed name would hold an address, and thereby any number.
private struct Holder {
    let secret: SecretBytes
}

@Suite("Secret bytes")
struct SecretBytesTests {
    @Test("it prints as dots, however it is printed")
    func dots() {
        let secret = SecretBytes(copying: Array("hunter2".utf8))
        var dumped = ""
        dump(Holder(secret: secret), to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), "\(Holder(secret: secret))", "\([secret])", dumped] {
            #expect(text.contains("••••"))
            #expect(!text.contains("hunter2") && !text.contains("104"), "104 is its first byte")
        }
        #expect("\(secret)" == "••••")
        #expect(Mirror(reflecting: secret).children.isEmpty)
    }

    @Test("a master key and a key ring print no key")
    func holders() throws {
        let key = try masterKey(filledWith: 0xFE)
        var dumped = ""
        dump(key, to: &dumped)
        dump(try KeyRing.create(masterKey: key).0, to: &dumped)
        #expect(dumped.contains("••••"))
        #expect(!dumped.contains("254, 254") && !dumped.contains("- 254\n    - 254"))
    }

    @Test("it holds what it was given, of any length", arguments: [0, 1, 32, 64, 65, 100_000])
    func holds(count: Int) {
        let bytes = randomBytes(count)
        let secret = SecretBytes(copying: bytes)
        #expect(secret.count == count)
        #expect(opened(secret) == bytes)
    }

    @Test("random ones differ")
    func random() throws {
        let made = try (0..<1000).map { _ in opened(try SecretBytes.random(32)) }
        #expect(Set(made).count == 1000)
    }

    @Test("more keys than the secure heap has room for are held all the same")
    func manyKeys() async throws {
        let keys = try (0..<5000).map { _ in try SecretBytes.random(32) }
        #expect(Set(keys.map(opened)).count == 5000)
        let isRandom = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: (try? SecretBytes.random(32)) != nil) }
        }
        #expect(isRandom, "a new thread's generator wants room in that heap too")
    }

    @Test("what could not be filled is no value")
    func notFilled() {
        let secret = SecretBytes(count: 32) { _ in false }
        #expect(secret == nil)
    }
}
