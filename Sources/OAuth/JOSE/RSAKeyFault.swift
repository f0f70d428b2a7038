/// Why an RSA key must not be used, whoever made it.
enum RSAKeyFault: String, Sendable {
    case size = "it is an RSA key of less than 2048 or more than 8192 bits"
    case exponent = "its RSA exponent is not an odd number from 3 to 32 bits"
    case weak = "it is an RSA key whose primes can be found (CVE-2017-15361)"

    /// - Parameters: big-endian, without leading zeros.
    static func find(modulus: [UInt8], exponent: [UInt8]) -> RSAKeyFault? {
        guard let first = modulus.first, let last = modulus.last else { return .size }
        let bits = modulus.count * 8 - first.leadingZeroBitCount
        // RFC 7518 §3.3: 2048 bits or more; more than 8192 costs the verifier more than it is worth.
        guard (2048...8192).contains(bits), last & 1 == 1 else { return .size }
        guard exponent.count <= 4, let lowest = exponent.last, lowest & 1 == 1, exponent.count > 1 || lowest > 1 else {
            return .exponent
        }
        return hasPowersOf65537(modulus) ? .weak : nil
    }

    /// A library in smart cards made primes that are powers of 65537 modulo all of these; a product of two such primes
    /// is one too. Of all other keys one in 2^27 looks like it.
    private static let smallPrimes: [[UInt64]] = [
        [11, 13, 17, 19, 37, 53, 61, 71, 73, 79], [97, 103, 107, 109, 127, 151, 157],
    ]

    private static func hasPowersOf65537(_ modulus: [UInt8]) -> Bool {
        smallPrimes.allSatisfy { primes in
            // The product of a group leaves room for eight bits more.
            let product = primes.reduce(1, *)
            let remainder = modulus.reduce(UInt64(0)) { ($0 << 8 | UInt64($1)) % product }
            return primes.allSatisfy { prime in
                var power: UInt64 = 1
                repeat {
                    if power == remainder % prime { return true }
                    power = power * 65537 % prime
                } while power != 1
                return false
            }
        }
    }
}
