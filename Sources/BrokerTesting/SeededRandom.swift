public import Broker
import Synchronization

/// Random bytes that are the same in every run. They come in words of eight bytes, and no word comes twice.
public final class SeededRandom: RandomSource {
    private let counter: Locked<UInt64>

    public init(seed: UInt64 = 1) {
        counter = Locked(seed)
    }

    public func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let word = nextWord()
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        }
        return Array(bytes.prefix(count))
    }

    /// SplitMix64: a counter sent through steps that can each be undone, hence no repetition.
    private func nextWord() -> UInt64 {
        var word = counter.withLock { counter in
            counter &+= 0x9E37_79B9_7F4A_7C15
            return counter
        }
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
