import Glibc

/// How a parameter starts.
enum ParameterInitialisation: Sendable, Equatable {
    case constant(Float)
    /// Gaussian of mean 0.
    case normal(deviation: Double)
    /// Uniform in −bound ... bound.
    case uniform(bound: Double)
}

/// A stream of random numbers that depends on (seed, parameter path) alone, so that adding a layer changes no other parameter.
///
/// SplitMix64 (Steele, Lea, Flood 2014) started from the seed and an FNV-1a hash of the path; Gaussians by Box–Muller in Double.
struct ParameterStream {
    private var state: UInt64

    init(seed: UInt64, name: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        state = seed
        state = next() ^ hash
    }

    private mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// In (0, 1), never 0, so that its logarithm is finite.
    private mutating func unit() -> Double {
        (Double(next() >> 11) + 0.5) * 0x1p-53
    }

    /// The first `count` values of the stream under `initialisation`.
    mutating func values(_ initialisation: ParameterInitialisation, count: Int) -> [Float] {
        switch initialisation {
        case .constant(let value):
            return Array(repeating: value, count: count)
        case .uniform(let bound):
            return (0..<count).map { _ in Float((2 * unit() - 1) * bound) }
        case .normal(let deviation):
            var result: [Float] = []
            result.reserveCapacity(count + 1)
            while result.count < count {
                let radius = deviation * (-2 * log(unit())).squareRoot()
                let angle = 2 * Double.pi * unit()
                result.append(Float(radius * cos(angle)))
                result.append(Float(radius * sin(angle)))
            }
            result.removeLast(result.count - count)
            return result
        }
    }
}
