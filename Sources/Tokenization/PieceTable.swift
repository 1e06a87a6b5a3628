/// Byte strings without duplicates, numbered in the order in which they came.
///
/// The strings lie one after the other in one array; an open-addressing table finds them. The hash of a string follows
/// from that of its beginning, so that looking up all beginnings of a text costs one pass.
struct PieceTable: Sendable {
    /// FNV-1a, taken byte by byte.
    struct Hash: Sendable {
        private var state: UInt64 = 0xCBF2_9CE4_8422_2325

        @inline(__always)
        mutating func add(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }

        @inline(__always)
        mutating func add(_ bytes: Span<UInt8>, _ range: Range<Int>) {
            for index in range { add(bytes[index]) }
        }

        /// The state with all its bits mixed: FNV's high bits hardly depend on the last byte.
        @inline(__always)
        var mixed: UInt64 {
            let folded = (state ^ state >> 32) &* 0x9E37_79B9_7F4A_7C15
            return folded ^ folded >> 29
        }
    }

    private var bytes: [UInt8] = []
    private var starts: [Int32] = [0]
    /// Upper half: part of the hash; lower half: the number plus one, 0 for an empty slot.
    private var slots: [UInt64]

    /// Makes an empty table with room for about `minimumCapacity` strings before it grows.
    init(minimumCapacity: Int = 16) {
        var slotCount = 32
        while slotCount < minimumCapacity * 2 { slotCount *= 2 }
        slots = [UInt64](repeating: 0, count: slotCount)
        starts.reserveCapacity(minimumCapacity + 1)
    }

    /// How many strings there are.
    var count: Int { starts.count - 1 }

    /// The length of a string.
    @inline(__always)
    func byteCount(_ index: Int32) -> Int { Int(starts[Int(index) + 1] - starts[Int(index)]) }

    /// A string.
    func bytes(_ index: Int32) -> ArraySlice<UInt8> {
        bytes[Int(starts[Int(index)])..<Int(starts[Int(index) + 1])]
    }

    /// A string for people.
    func text(_ index: Int32) -> String { String(decoding: bytes(index), as: UTF8.self) }

    /// The number of a string, or nil.
    func index(of text: String) -> Int32? {
        let utf8 = Array(text.utf8)
        return index(of: utf8.span, 0..<utf8.count)
    }

    /// The number of the string `text[range]`, or nil.
    @inline(__always)
    func index(of text: Span<UInt8>, _ range: Range<Int>) -> Int32? {
        var hash = Hash()
        hash.add(text, range)
        return index(of: text, range, hash: hash)
    }

    /// The number of the string `text[range]`, whose hash is known, or nil.
    @inline(__always)
    func index(of text: Span<UInt8>, _ range: Range<Int>, hash: Hash) -> Int32? {
        index(of: text, range, text, range.upperBound..<range.upperBound, hash: hash)
    }

    /// The number of `text[range]` followed by `other[otherRange]`, whose common hash is known, or nil.
    @inline(__always)
    func index(
        of text: Span<UInt8>, _ range: Range<Int>, _ other: Span<UInt8>, _ otherRange: Range<Int>, hash: Hash
    ) -> Int32? {
        let mixed = hash.mixed
        var slot = Int(truncatingIfNeeded: mixed) & (slots.count - 1)
        while slots[slot] != 0 {
            if slots[slot] >> 32 == mixed >> 32 {
                let index = Int32(truncatingIfNeeded: slots[slot] & 0xFFFF_FFFF) - 1
                if isEqual(index, text, range, other, otherRange) { return index }
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Whether a string is `text[range]` followed by `other[otherRange]`.
    @inline(__always)
    func isEqual(
        _ index: Int32, _ text: Span<UInt8>, _ range: Range<Int>, _ other: Span<UInt8>, _ otherRange: Range<Int>
    ) -> Bool {
        guard byteCount(index) == range.count + otherRange.count else { return false }
        var own = Int(starts[Int(index)])
        for position in range {
            if bytes[own] != text[position] { return false }
            own += 1
        }
        for position in otherRange {
            if bytes[own] != other[position] { return false }
            own += 1
        }
        return true
    }

    /// Appends the string `text[range]`; false when it is there already.
    mutating func append(_ text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        var hash = Hash()
        hash.add(text, range)
        if index(of: text, range, hash: hash) != nil { return false }
        for position in range { bytes.append(text[position]) }
        starts.append(Int32(bytes.count))
        if count * 2 > slots.count { grow() }
        place(hash.mixed, index: Int32(count - 1))
        return true
    }

    private mutating func place(_ mixed: UInt64, index: Int32) {
        var slot = Int(truncatingIfNeeded: mixed) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = mixed & 0xFFFF_FFFF_0000_0000 | UInt64(index + 1)
    }

    private mutating func grow() {
        slots = [UInt64](repeating: 0, count: slots.count * 2)
        for index in 0..<(count - 1) {
            var hash = Hash()
            for byte in bytes(Int32(index)) { hash.add(byte) }
            place(hash.mixed, index: Int32(index))
        }
    }
}
