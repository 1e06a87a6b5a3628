/// A stream of random numbers that depends on nothing but its seed: never on clock, pid or a global state.
///
/// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014): a counter and a mixer, so making one costs nothing. Streams of
/// different (seed, epoch, key, purpose) are independent for our needs. The methods below are used instead of the
/// standard library's `random(in:using:)`, whose algorithm may change between versions.
///
///     var generator = SeededGenerator(seed: 1, epoch: 3, key: "000012", purpose: "crop")
///     let x = generator.uniform(in: 0.9...1)
public struct SeededGenerator: RandomNumberGenerator, Hashable, Sendable {
    private var state: UInt64

    /// A stream from one number: SplitMix64 as published.
    public init(seed: UInt64) {
        state = seed
    }

    /// A stream derived from a run seed, an epoch, a sample's key, and what the numbers are for.
    public init(seed: UInt64, epoch: Int, key: String, purpose: StaticString) {
        var state = Self.mixed(seed)
        state = Self.mixed(state ^ UInt64(bitPattern: Int64(epoch)))
        state = Self.mixed(state ^ Self.hash(key.utf8))
        state = Self.mixed(state ^ Self.hash(purpose.description.utf8))
        self.state = state
    }

    /// A stream derived from a run seed, an epoch, a number (such as a row), and what the numbers are for.
    public init(seed: UInt64, epoch: Int = 0, number: UInt64, purpose: StaticString) {
        var state = Self.mixed(seed)
        state = Self.mixed(state ^ UInt64(bitPattern: Int64(epoch)))
        state = Self.mixed(state ^ number)
        state = Self.mixed(state ^ Self.hash(purpose.description.utf8))
        self.state = state
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    /// A number in [0, 1), a multiple of 2⁻⁵³.
    public mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// A number between the bounds.
    public mutating func uniform(in range: ClosedRange<Double>) -> Double {
        range.lowerBound + uniform() * (range.upperBound - range.lowerBound)
    }

    /// A whole number in `0 ..< bound`, exactly uniform (Lemire 2019). Traps unless `bound` is at least 1.
    public mutating func integer(below bound: Int) -> Int {
        precondition(bound >= 1, "integer(below: \(bound))")
        let bound = UInt64(bound)
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
        }
        return Int(product.high)
    }

    /// `true` with this probability.
    public mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

    /// One of the elements, each equally often. Traps if there are none.
    public mutating func element<Element>(of elements: [Element]) -> Element {
        elements[integer(below: elements.count)]
    }

    /// Puts the elements into a random order (Fisher–Yates).
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        for index in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(index, integer(below: index + 1))
        }
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// FNV-1a, 64 bits.
    private static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
