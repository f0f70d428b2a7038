/// Seals and opens under one key: a key of its own for each write, with a commitment to it.
struct Sealer: Sendable {
    let key: SecretBytes
    let term: UInt32

    func seal(_ plaintext: [UInt8], as context: SealContext) throws(SealingError) -> SealedBox {
        try sealed(as: context, count: plaintext.count) { body in plaintext.withUnsafeBytes(body) }
    }

    /// Seals without a copy that nobody would cleanse.
    func seal(_ plaintext: SecretBytes, as context: SealContext) throws(SealingError) -> SealedBox {
        try sealed(as: context, count: plaintext.count) { body in plaintext.withUnsafeBytes(body) }
    }

    private func sealed(
        as context: SealContext, count: Int, withPlaintext: ((UnsafeRawBufferPointer) -> Bool) -> Bool
    ) throws(SealingError) -> SealedBox {
        let salt = randomBytes(SealedBox.saltRange.count)
        let derived = try derive(salt: salt, suite: SealedBox.currentSuite)
        var box: [UInt8] = [SealedBox.currentSuite]
        box.reserveCapacity(SealedBox.overhead + count)
        box.append(bigEndian: term)
        box.append(contentsOf: salt)
        derived.withUnsafeBytes { box.append(contentsOf: $0[Primitives.keyCount...]) }
        let nonce = randomBytes(Primitives.nonceCount)
        box.append(contentsOf: nonce)
        box.append(contentsOf: repeatElement(0, count: count + Primitives.tagCount))
        let additionalData = context.additionalData(suite: SealedBox.currentSuite, term: term)
        let isSealed = box.withUnsafeMutableBytes { box in
            derived.withUnsafeBytes { derived in
                nonce.withUnsafeBytes { nonce in
                    additionalData.withUnsafeBytes { additionalData in
                        withPlaintext { plaintext in
                            Primitives.encrypt(
                                key: UnsafeRawBufferPointer(rebasing: derived[..<Primitives.keyCount]), nonce: nonce,
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
        let derived = try derive(salt: Array(box.bytes[SealedBox.saltRange]), suite: box.suite)
        // The commitment first: under any other key the box is refused before anything is decrypted.
        let commitment = derived.withUnsafeBytes { Array($0[Primitives.keyCount...]) }
        guard constantTimeEqual(commitment, Array(box.bytes[SealedBox.commitmentRange])) else {
            throw .damaged("a sealed box was altered or belongs to another key")
        }
        let additionalData = context.additionalData(suite: box.suite, term: box.term)
        let opened = SecretBytes(count: box.bytes.count - SealedBox.overhead) { output in
            box.bytes.withUnsafeBytes { box in
                derived.withUnsafeBytes { derived in
                    additionalData.withUnsafeBytes { additionalData in
                        Primitives.decrypt(
                            key: UnsafeRawBufferPointer(rebasing: derived[..<Primitives.keyCount]),
                            nonce: UnsafeRawBufferPointer(rebasing: box[SealedBox.nonceRange]),
                            additionalData: additionalData,
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
        try hkdfSHA512(key, salt: salt, info: Array("credence/seal/1".utf8) + [suite], count: 64)
    }
}
