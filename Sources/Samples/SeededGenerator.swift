/// A repeatable random stream derived from (run seed, epoch, key, purpose), never from clock, pid or a global state.
///
/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): a counter stepped by the
/// odd constant 0x9E3779B97F4A7C15, finished by a 64-bit mixing function. Not for cryptography.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A stream that starts from `seed`.
    public init(seed: UInt64) {
        state = seed
    }

    /// The stream for one purpose. Streams that differ in any argument are unrelated.
    public init(seed: UInt64, epoch: UInt64 = 0, key: UInt64 = 0, purpose: StaticString) {
        var mixed = SeededGenerator.mix(seed &+ 0x9E37_79B9_7F4A_7C15)
        mixed = SeededGenerator.mix(mixed ^ epoch &* 0xD6E8_FEB8_6659_FD93 &+ 0x9E37_79B9_7F4A_7C15)
        mixed = SeededGenerator.mix(mixed ^ key &* 0xA076_1D64_78BD_642F &+ 0x9E37_79B9_7F4A_7C15)
        var word: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in Array(purpose.description.utf8) {
            // FNV-1a over the purpose's name.
            word = (word ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        state = SeededGenerator.mix(mixed ^ word)
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return SeededGenerator.mix(state)
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    public mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// Uniform in [lower, upper).
    public mutating func uniform(in range: Range<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }

    /// Uniform in 0..<count by multiplication (Lemire 2019, without rejection: the bias is below count / 2^64).
    public mutating func index(below count: Int) -> Int {
        precondition(count > 0, "index(below: \(count)) has nothing to choose from")
        return Int(next().multipliedFullWidth(by: UInt64(count)).high)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
