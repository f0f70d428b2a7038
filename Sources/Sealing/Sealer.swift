/// Seals and opens under one key: section C of the security cases, step by step.
struct Sealer: Sendable {
    let key: SecretBytes
    let term: UInt32

    func seal(_ plaintext: [UInt8], as context: SealContext) throws(SealingError) -> SealedBox {
        let salt = randomBytes(32)
        let derived = try derive(salt: salt, suite: SealedBox.suite)
        var box: [UInt8] = [SealedBox.suite]
        box.reserveCapacity(SealedBox.overhead + plaintext.count)
        box.append(bigEndian: term)
        box.append(contentsOf: salt)
        derived.withUnsafeBytes { box.append(contentsOf: $0[32...]) }
        let nonce = randomBytes(Primitives.nonceCount)
        box.append(contentsOf: nonce)
        box.append(contentsOf: repeatElement(0, count: plaintext.count + Primitives.tagCount))
        let additionalData = context.additionalData(suite: SealedBox.suite, term: term)
        let isSealed = box.withUnsafeMutableBytes { box in
            derived.withUnsafeBytes { derived in
                nonce.withUnsafeBytes { nonce in
                    additionalData.withUnsafeBytes { additionalData in
                        plaintext.withUnsafeBytes { plaintext in
                            Primitives.encrypt(
                                key: UnsafeRawBufferPointer(rebasing: derived[..<32]), nonce: nonce,
                                additionalData: additionalData, plaintext: plaintext,
                                output: UnsafeMutableRawBufferPointer(rebasing: box[SealedBox.headerCount...]))
                        }
                    }
                }
            }
        }
        guard isSealed else { throw .library("AES-256-GCM encryption") }
        return try SealedBox(box)
    }

    func open(_ box: SealedBox, as context: SealContext) throws(SealingError) -> SecretBytes {
        let derived = try derive(salt: Array(box.bytes[5..<37]), suite: box.suite)
        // The commitment first: under any other key the box is refused before anything is decrypted.
        let commitment = derived.withUnsafeBytes { Array($0[32...]) }
        guard constantTimeEqual(commitment, Array(box.bytes[37..<69])) else {
            throw .damaged("a sealed box was altered or belongs to another key")
        }
        let additionalData = context.additionalData(suite: box.suite, term: box.term)
        let opened = SecretBytes(count: box.bytes.count - SealedBox.overhead) { output in
            box.bytes.withUnsafeBytes { box in
                derived.withUnsafeBytes { derived in
                    additionalData.withUnsafeBytes { additionalData in
                        Primitives.decrypt(
                            key: UnsafeRawBufferPointer(rebasing: derived[..<32]),
                            nonce: UnsafeRawBufferPointer(rebasing: box[69..<81]), additionalData: additionalData,
                            ciphertext: UnsafeRawBufferPointer(rebasing: box[SealedBox.headerCount...]), output: output)
                    }
                }
            }
        }
        guard let opened else { throw .damaged("a sealed box was altered or moved to another record") }
        return opened
    }

    /// 32 bytes of key and 32 of commitment, for this salt alone.
    private func derive(salt: [UInt8], suite: UInt8) throws(SealingError) -> SecretBytes {
        let info = Array("credence/seal/1".utf8) + [suite]
        let derived = SecretBytes(count: 64) { output in
            key.withUnsafeBytes { key in
                salt.withUnsafeBytes { salt in
                    info.withUnsafeBytes { info in Primitives.hkdf(key: key, salt: salt, info: info, output: output) }
                }
            }
        }
        guard let derived else { throw .library("HKDF") }
        return derived
    }
}
