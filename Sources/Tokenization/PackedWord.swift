import Synchronization

/// Up to 15 bytes and their count in two machine words: the key of the tables of common pre-tokens.
struct PackedWord: Hashable, Sendable {
    /// The longest word that fits.
    static let maximumByteCount = 15

    var low: UInt64
    var high: UInt64

    /// Packs `bytes[range]`, or nil when it is too long.
    @inline(__always)
    init?(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        guard range.count <= Self.maximumByteCount else { return nil }
        var low: UInt64 = 0
        var high = UInt64(range.count) << 56
        var shift: UInt64 = 0
        for index in range {
            let byte = UInt64(bytes[index])
            if shift < 64 { low |= byte << shift } else { high |= byte << (shift - 64) }
            shift += 8
        }
        self.low = low
        self.high = high
    }

    /// The packed bytes.
    var bytes: [UInt8] {
        (0..<Int(high >> 56)).map { (index: Int) -> UInt8 in
            let part = index < 8 ? low : high
            return UInt8(truncatingIfNeeded: part >> UInt64((index & 7) * 8))
        }
    }
}

/// An open-addressing map from a packed word to a token id.
struct WordTable: Sendable {
    private var keys: [PackedWord]
    private var ids: [Int32]
    private var shift: UInt64

    /// Makes the table of `words`, whose keys must differ.
    init(_ words: [(word: PackedWord, id: Int32)]) {
        var bits: UInt64 = 4
        while (1 << bits) < words.count * 2 + 1 { bits += 1 }
        // Only slots with an id are compared; the others hold the empty word.
        guard let placeholder = PackedWord([UInt8]().span, 0..<0) else {
            preconditionFailure("empty words are packable")
        }
        keys = [PackedWord](repeating: placeholder, count: 1 << bits)
        ids = [Int32](repeating: -1, count: 1 << bits)
        shift = 64 - bits
        for (word, id) in words {
            let slot = slot(of: word)
            keys[slot] = word
            ids[slot] = id
        }
    }

    @inline(__always)
    private func slot(of word: PackedWord) -> Int {
        let mixed = (word.low ^ word.high &* 0xD6E8_FEB8_6659_FD93) &* 0x9E37_79B9_7F4A_7C15
        var slot = Int(truncatingIfNeeded: (mixed ^ mixed << 32) >> shift)
        while ids[slot] >= 0 && keys[slot] != word {
            slot = (slot + 1) & (keys.count - 1)
        }
        return slot
    }

    /// The id of a word, or nil.
    @inline(__always)
    func id(of word: PackedWord) -> Int32? {
        let id = ids[slot(of: word)]
        return id >= 0 ? id : nil
    }
}

/// A word table that is made when it has been asked for often enough to be worth its making.
final class WordTableCache: Sendable {
    private struct State {
        var useCount = 0
        var table: WordTable?
    }

    /// A single query goes without the table.
    static let usesBeforeMaking = 64

    private let state = Mutex(State())

    /// The table, or nil as long as it does not pay. Others wait while it is made.
    func table(_ make: () -> WordTable) -> WordTable? {
        state.withLock { state in
            if state.table == nil {
                state.useCount += 1
                if state.useCount > Self.usesBeforeMaking { state.table = make() }
            }
            return state.table
        }
    }
}
