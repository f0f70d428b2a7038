import Foundation
import Glibc
import Testing

@testable import Sealing

@Suite("Private key file")
struct PrivateKeyFileTests {
    private static func read(
        _ texts: String..., archive: [UInt8]? = nil, certificates: String? = nil, passphrase: String? = nil
    ) throws(PrivateKeyFile.Refused) -> PrivateKeyFile.Contents {
        try PrivateKeyFile.read(
            archive ?? Array(texts.joined(separator: "\n").utf8), certificates: certificates.map { Array($0.utf8) },
            passphrase: passphrase.map { Array($0.utf8) })
    }

    /// The sentence of a refusal: one line that says what is the matter and what to do, and nothing that is secret. An
    /// issue when nothing is refused.
    private func refusal(
        _ texts: String..., archive: [UInt8]? = nil, certificates: String? = nil, passphrase: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> String {
        do {
            let text = texts.joined(separator: "\n")
            _ = try Self.read(text, archive: archive, certificates: certificates, passphrase: passphrase)
            Issue.record("nothing was refused", sourceLocation: sourceLocation)
            return ""
        } catch {
            let sentence = error.description
            #expect(!sentence.contains { $0.isNewline || !$0.isASCII }, sourceLocation: sourceLocation)
            #expect(sentence.hasSuffix("."), sourceLocation: sourceLocation)
            // What is the matter, a colon, and what the administrator must do.
            let halves = sentence.split(separator: ": ")
            #expect(halves.count == 2, "\(sentence)", sourceLocation: sourceLocation)
            #expect(
                ["give ", "make ", "write "].contains { halves.last?.hasPrefix($0) == true }, "\(sentence)",
                sourceLocation: sourceLocation)
            let printed = "\(error) \(String(reflecting: error))"
            for secret in [passphrase ?? "", "test", "tést", "MIGHAg", "8RcqllxVH1Q613R", "zjph", "MIIE"] {
                #expect(secret.isEmpty || !printed.contains(secret), "\(sentence)", sourceLocation: sourceLocation)
            }
            return sentence
        }
    }

    /// The bytes of the first block of a PEM text that is not encrypted.
    private static func der(_ text: String) -> [UInt8] {
        let lines = text.split(separator: "\n").drop { !$0.hasPrefix("-----BEGIN") }.dropFirst()
        let body = lines.prefix { !$0.hasPrefix("-----END") }.joined()
        return Array(Data(base64Encoded: body)!)
    }

    private static let chain = [TestKeys.leaf, TestKeys.sub, TestKeys.root].map(der)
    /// Of `leaf`: 26 August 2081, 07:17:13 UTC.
    private static let end = 3_523_418_233

    // MARK: What is read

    private static let forms: [(name: String, text: String, passphrase: String?)] = [
        ("PKCS#8", TestKeys.p256, nil),
        ("PKCS#8 with a passphrase nobody asked for", TestKeys.p256, "guess"),
        ("PKCS#8 with a byte order mark", "\u{FEFF}" + TestKeys.p256, nil),
        ("PKCS#8 with CR LF", TestKeys.p256.replacing("\n", with: "\r\n") + "\r\n", nil),
        ("PKCS#8 with a byte order mark and CR LF", "\u{FEFF}" + TestKeys.p256.replacing("\n", with: "\r\n"), nil),
        ("PKCS#8 among other text", "Bag Attributes\n    friendlyName: a\n" + TestKeys.p256 + "\n\nthe end", nil),
        ("PKCS#8 behind a word", "    friendlyName: ENCRYPTED\n" + TestKeys.p256, nil),
        ("PKCS#8 behind its public key", TestKeys.publicKey + "\n" + TestKeys.p256, nil),
        ("PKCS#8 before NUL bytes", TestKeys.p256 + "\n\0\0\0", nil),
        ("PKCS#8, encrypted", TestKeys.pkcs8Encrypted, "test"),
        ("PKCS#8, encrypted, with CR LF", TestKeys.pkcs8Encrypted.replacing("\n", with: "\r\n"), "test"),
        ("PKCS#8, encrypted with scrypt", TestKeys.pkcs8Scrypt, "test"),
        ("PKCS#8, encrypted with an empty passphrase", TestKeys.pkcs8Empty, ""),
        ("SEC 1", TestKeys.sec1, nil),
        ("SEC 1 behind the curve's parameters", TestKeys.parameters + "\n" + TestKeys.sec1, nil),
        ("SEC 1, encrypted", TestKeys.sec1Encrypted, "test"),
        ("SEC 1, encrypted, with CR LF", TestKeys.sec1Encrypted.replacing("\n", with: "\r\n"), "test"),
        ("SEC 1, its curve spelled out", TestKeys.spelledOut, nil),
        ("SEC 1, its point compressed", TestKeys.compressed, nil),
    ]

    @Test("RFC 7468 §10, §11: each form of a key in PEM gives the same PKCS#8", arguments: forms)
    func text(name: String, text: String, passphrase: String?) throws {
        let contents = try Self.read(text, passphrase: passphrase)
        #expect(contents.privateKey == Self.der(TestKeys.p256), "\(name)")
        #expect(contents.certificates.isEmpty)
        #expect(contents.notAfter == nil)
    }

    private static let archives: [(name: String, archive: [UInt8], passphrase: String?, certificates: Int)] = [
        ("encrypted", TestKeys.archive, "test", 3),
        ("encrypted as older programs do", TestKeys.archive3DES, "test", 3),
        ("with an empty passphrase", TestKeys.archiveEmpty, "", 1),
        ("with an empty passphrase, not given", TestKeys.archiveEmpty, nil, 1),
        ("without a passphrase", TestKeys.archiveNull, nil, 3),
        ("without a passphrase, an empty one given", TestKeys.archiveNull, "", 3),
        ("not encrypted", TestKeys.archiveOpen, nil, 1),
        ("not encrypted, a passphrase given", TestKeys.archiveOpen, "guess", 1),
        ("without a MAC", TestKeys.archiveUnverified, "test", 1),
        ("a passphrase that is not ASCII", TestKeys.archiveUTF8, "tést", 1),
    ]

    @Test("RFC 7292: each form of PKCS#12 gives the same PKCS#8, and its certificates", arguments: archives)
    func archive(name: String, archive: [UInt8], passphrase: String?, certificates: Int) throws {
        let contents = try Self.read(archive: archive, passphrase: passphrase)
        #expect(contents.privateKey == Self.der(TestKeys.p256), "\(name)")
        #expect(contents.certificates.first == Self.chain[0])
        #expect(Set(contents.certificates) == Set(Self.chain.prefix(certificates)))
        #expect(contents.certificates.count == certificates)
        #expect(contents.notAfter == Self.end)
    }

    @Test("keys of each kind are read", arguments: [TestKeys.p384, TestKeys.p521, TestKeys.ed25519])
    func kinds(text: String) throws {
        #expect(try Self.read(text).privateKey == Self.der(text))
    }

    @Test("RFC 8017 §A.1.2: a traditional RSA key becomes PKCS#8")
    func rsa() throws {
        let made = try Self.read(TestKeys.rsa).privateKey
        let key = Self.der(TestKeys.rsa)
        // version 0, rsaEncryption with NULL, and the key as it was in an octet string.
        let algorithm = bytes(hex: "020100300d06092a864886f70d0101010500")
        #expect(made.suffix(key.count) == key[...])
        #expect(made.dropFirst(4).starts(with: algorithm + [0x04, 0x82]))
        #expect(made.count == 4 + algorithm.count + 4 + key.count)
        // And is read again as what it is.
        let text = Data(made).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        let again = try Self.read("-----BEGIN PRIVATE KEY-----\n\(text)\n-----END PRIVATE KEY-----")
        #expect(again.privateKey == made)
    }

    // MARK: Certificates

    @Test("certificates come from the key's text and from a second one, the key's own first, the others as they stood")
    func order() throws {
        let (leaf, sub, root) = (TestKeys.leaf, TestKeys.sub, TestKeys.root)
        let whole = Self.chain
        let turned = [whole[0], whole[2], whole[1]]
        let files: [(text: [String], second: String?, expected: [[UInt8]])] = [
            ([TestKeys.p256, leaf, sub, root], nil, whole),
            ([leaf, TestKeys.p256, sub, root], nil, whole),
            ([root, sub, leaf, TestKeys.p256], nil, turned),
            ([TestKeys.p256], [leaf, sub, root].joined(separator: "\n"), whole),
            ([TestKeys.p256], [leaf, sub, root].joined(separator: "\n").replacing("\n", with: "\r\n"), whole),
            ([TestKeys.p256], "\u{FEFF}" + [leaf, sub, root].joined(separator: "\n"), whole),
            ([TestKeys.p256], [root, leaf, sub].joined(separator: "\n"), turned),
            ([TestKeys.p256, leaf], [sub, root].joined(separator: "\n"), whole),
            ([TestKeys.p256, leaf, leaf], [leaf, sub, root].joined(separator: "\n"), whole),
            ([TestKeys.pkcs8Encrypted, leaf], nil, [whole[0]]),
        ]
        for (place, file) in files.enumerated() {
            let contents = try Self.read(
                file.text.joined(separator: "\n"), certificates: file.second, passphrase: "test")
            #expect(contents.certificates == file.expected, "file \(place)")
            #expect(contents.notAfter == Self.end)
        }
        let archive = try Self.read(archive: TestKeys.archiveOpen, certificates: sub)
        #expect(archive.certificates == Array(whole[...1]))
    }

    @Test("certificates of which none is the key's are refused")
    func mismatch() {
        let expected = "The certificate belongs to another key: give the one of this key."
        #expect(refusal(TestKeys.p256, TestKeys.stranger, TestKeys.sub) == expected)
        #expect(refusal(TestKeys.other, certificates: TestKeys.leaf) == expected)
        #expect(refusal(TestKeys.ed25519, certificates: TestKeys.leaf) == expected)
        #expect(refusal(TestKeys.rsa, certificates: TestKeys.leaf) == expected)
    }

    @Test("a certificate that cannot be read is refused, wherever it stands")
    func unreadableCertificate() {
        let broken = "-----BEGIN CERTIFICATE-----\nMIIBAjCB\n-----END CERTIFICATE-----"
        let cut = TestKeys.leaf.split(separator: "\n").dropLast(2).joined(separator: "\n")
        let closed = TestKeys.sec1Encrypted.replacing("EC PRIVATE KEY", with: "CERTIFICATE")
        for bad in [broken, cut, closed] {
            for (text, certificates) in [
                ([TestKeys.p256, bad], nil), ([TestKeys.p256, TestKeys.leaf, bad], nil),
                ([TestKeys.p256, bad, TestKeys.leaf], nil), ([TestKeys.p256, TestKeys.leaf], bad),
            ] as [([String], String?)] {
                let sentence = refusal(text.joined(separator: "\n"), certificates: certificates, passphrase: "test")
                #expect(sentence.hasPrefix("A certificate in the file cannot be read:"))
            }
        }
    }

    @Test("a second text without a certificate is refused, and not taken for none; a blank one is none")
    func secondText() throws {
        for text in ["no certificate", "\0", TestKeys.parameters, TestKeys.p256, TestKeys.publicKey] {
            #expect(refusal(TestKeys.p256, certificates: text).contains("no certificate"))
        }
        for blank in ["", " \r\n\t\n"] {
            #expect(try Self.read(TestKeys.p256, certificates: blank).certificates.isEmpty)
        }
    }

    // MARK: Passphrases

    @Test("an encrypted key without a passphrase: it is needed; with another one: it does not open")
    func passphrases() {
        let long = String(repeating: "x", count: 1025)
        for text in [TestKeys.pkcs8Encrypted, TestKeys.pkcs8Scrypt, TestKeys.sec1Encrypted] {
            #expect(refusal(text) == "The key is encrypted: give its passphrase.")
            for guess in ["guess", "", "Test", "te\0st", long] {
                #expect(refusal(text, passphrase: guess).contains("does not open with this passphrase"))
            }
        }
        for archive in [TestKeys.archive, TestKeys.archiveUnverified] {
            #expect(refusal(archive: archive) == "The PKCS#12 file is encrypted: give its passphrase.")
            for guess in ["guess", "", "Test", "test\0", long] {
                #expect(refusal(archive: archive, passphrase: guess).contains("does not open with this passphrase"))
            }
        }
        #expect(refusal(TestKeys.pkcs8Empty, passphrase: "x").contains("does not open"))
    }

    @Test("each of many wrong passphrases is wrong, also where it happens to leave proper padding")
    func manyPassphrases() {
        for number in 0..<600 {
            let sentence = refusal(TestKeys.sec1Encrypted, passphrase: "guess \(number)")
            #expect(sentence.contains("does not open with this passphrase"))
        }
    }

    @Test("what is encrypted with RC2 or DES is told from a wrong passphrase, with what to do")
    func legacy() {
        #expect(refusal(archive: TestKeys.archiveRC2, passphrase: "test").contains("write it anew with AES"))
        for text in [TestKeys.sec1DES, TestKeys.pkcs8DES] {
            #expect(refusal(text, passphrase: "test").contains("write it anew with AES"))
        }
        // The passphrase is judged first: PKCS#12 has a MAC of its own.
        #expect(refusal(archive: TestKeys.archiveRC2, passphrase: "guess").contains("does not open"))
    }

    // MARK: What is refused

    @Test(
        "keys that Credence cannot use are refused",
        arguments: [
            (TestKeys.ed448, "neither RSA nor EC nor Ed25519"), (TestKeys.x25519, "neither RSA nor EC nor Ed25519"),
            (TestKeys.rsaPSS, "neither RSA nor EC nor Ed25519"), (TestKeys.secp256k1, "curve is not P-256"),
            ("-----BEGIN DSA PRIVATE KEY-----\nMIIB\n-----END DSA PRIVATE KEY-----", "cannot be read"),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nMIIB\n-----END OPENSSH PRIVATE KEY-----", "cannot be read"),
        ])
    func unsupported(text: String, expected: String) {
        #expect(refusal(text).contains(expected))
    }

    @Test("RFC 7518 §3.3: an RSA key of less than 2048 bits is refused")
    func weak() {
        #expect(refusal(TestKeys.rsa1024) == "The RSA key is shorter than 2048 bits: make a longer one.")
    }

    @Test(
        "a file without a private key is refused",
        arguments: ["some text -----BEGIN -----", TestKeys.leaf, TestKeys.parameters, TestKeys.publicKey])
    func missing(text: String) {
        #expect(refusal(text).contains("There is no private key in the file"))
        #expect(refusal(text, passphrase: "guess").contains("There is no private key in the file"))
    }

    @Test("an archive without a key is refused, and one with two")
    func archiveKeys() {
        #expect(refusal(archive: TestKeys.archiveWithoutKey, passphrase: "test").contains("There is no private key"))
        #expect(refusal(archive: TestKeys.archiveOfTwo, passphrase: "test").contains("several private keys"))
    }

    @Test("more than one key is refused, and no passphrase is asked for to say so")
    func several() {
        let cut = String(TestKeys.other.prefix(100))
        for other in [TestKeys.other, TestKeys.p256, TestKeys.pkcs8Encrypted, TestKeys.sec1Encrypted, cut] {
            for texts in [[TestKeys.p256, other], [other, TestKeys.p256]] {
                #expect(refusal(texts.joined(separator: "\n")).contains("several private keys"))
            }
        }
    }

    @Test("more than 64 KiB are refused unread, 64 KiB are read")
    func large() throws {
        let room = PrivateKeyFile.largestFile - TestKeys.p256.utf8.count - TestKeys.leaf.utf8.count
        let full = TestKeys.p256 + String(repeating: "\n", count: room)
        #expect(try Self.read(full, certificates: TestKeys.leaf).certificates == [Self.chain[0]])
        #expect(refusal(full + "\n", certificates: TestKeys.leaf).contains("larger than 64 KiB"))
        #expect(refusal(TestKeys.p256 + String(repeating: " ", count: 10 << 20)).contains("larger than 64 KiB"))
        let huge = TestKeys.leaf + String(repeating: "\n", count: 10 << 20)
        #expect(refusal(TestKeys.p256, certificates: huge).contains("larger than 64 KiB"))
        let archive = TestKeys.archive + [UInt8](repeating: 0, count: 10 << 20)
        #expect(refusal(archive: archive, passphrase: "test").contains("larger than 64 KiB"))
    }

    @Test("OpenSSL asks nobody for a passphrase, not even that of a certificate that claims to be encrypted")
    func asksNobody() async {
        await #expect(processExitsWith: .exitCode(42)) {
            // Where there is no terminal OpenSSL asks the standard input.
            var ends: [CInt] = [0, 0]
            guard setsid() > 0, pipe(&ends) == 0, write(ends[1], "test\n", 5) == 5, dup2(ends[0], 0) == 0,
                close(ends[1]) == 0
            else { exit(1) }
            let closed = TestKeys.sec1Encrypted.replacing("EC PRIVATE KEY", with: "CERTIFICATE")
            for text in [TestKeys.p256 + "\n" + closed, TestKeys.sec1Encrypted, TestKeys.pkcs8Encrypted] {
                for passphrase in [nil, Array("guess".utf8)] {
                    _ = try? PrivateKeyFile.read(Array(text.utf8), passphrase: passphrase)
                }
            }
            _ = try? PrivateKeyFile.read(Array(TestKeys.p256.utf8), certificates: Array(closed.utf8))
            var left = [UInt8](repeating: 0, count: 8)
            exit(Glibc.read(0, &left, left.count) == 5 ? 42 : 1)
        }
    }

    @Test("what is damaged is refused as that")
    func damaged() {
        let lines = TestKeys.p256.split(separator: "\n")
        for text in [
            lines.dropLast().joined(separator: "\n"), String(lines[0]), lines.joined(),
            TestKeys.p256.replacing("MIGH", with: "M!GH"), TestKeys.p256.replacing("MIGH", with: "MIGI"),
            TestKeys.p256.replacing("MIGH", with: "MI\0H"), String(TestKeys.p256.prefix(120)),
            TestKeys.pkcs8Encrypted.replacing("ENCRYPTED ", with: ""),
            TestKeys.sec1.replacing("EC PRIVATE", with: "RSA PRIVATE"), TestKeys.torn,
        ] {
            #expect(refusal(text, passphrase: "guess").contains("The key cannot be read"), "\(text)")
        }
        let cut = Array(TestKeys.archive.dropLast(4))
        for archive in [[], [0], Self.der(TestKeys.p256), Self.chain[0], [0x30, 0x80, 0x00], cut] as [[UInt8]] {
            #expect(refusal(archive: archive, passphrase: "guess").contains("neither PEM nor PKCS#12"))
        }
        // What editors of other systems write: UTF-16.
        let wide = TestKeys.p256.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        #expect(refusal(archive: [0xFF, 0xFE] + wide).contains("neither PEM nor PKCS#12"))
    }

    @Test("no damage to a file does more than refuse it, or it gives the key that was in it")
    func everyByte() {
        var expected = Self.der(TestKeys.p256)
        // The version within (RFC 5915 §3), which OpenSSL writes as it read it. Signing wants a 1 there.
        let version = 33
        #expect(expected[version - 2...version] == [0x02, 0x01, 0x01])
        expected[version] = 0
        let files: [(whole: [UInt8], step: Int)] = [
            (Array(TestKeys.p256.utf8), 1), (Array(TestKeys.sec1Encrypted.utf8), 3), (TestKeys.archiveOpen, 1),
            (TestKeys.archive, 29),
        ]
        for (whole, step) in files {
            for index in stride(from: 0, to: whole.count, by: step) {
                var changed = whole
                changed[index] ^= 1 << UInt8(index % 8)
                for bytes in [changed, Array(whole[..<index])] {
                    let contents = try? PrivateKeyFile.read(bytes, passphrase: Array("test".utf8))
                    guard var key = contents?.privateKey else { continue }
                    key[version] = 0
                    #expect(key == expected, "byte \(index) of \(whole.count)")
                }
            }
        }
    }

    @Test("contents print as dots")
    func printing() throws {
        let contents = try Self.read(TestKeys.p256, TestKeys.leaf)
        var dumped = ""
        dump(contents, to: &dumped)
        #expect("\(contents)" == "••••")
        #expect(String(reflecting: contents) == "••••")
        #expect(dumped == "- ••••\n")
    }
}
