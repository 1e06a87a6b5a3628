/// Which items of a HEIF container are decoded for which (ISO/IEC 23008-12, 6.4; boxes: ISO/IEC 14496-12, 4.2 and 8.11.12).
///
/// A grid is decoded by decoding its tiles, a picture with alpha by decoding its alpha plane. libheif 1.15 follows these
/// references without looking for circles, until the stack is used up; so they are looked at first.
struct HEIFReferences {
    /// Longest chain of references that is followed.
    static let maximumDepth = 16
    /// References of a file.
    static let maximumCount = 1 << 17

    /// Items decoded for one, each as often as it is referred to; a tile of a tile counts for both.
    static let maximumVisitCount = 1 << 16

    private enum ItemState {
        /// On the way that is being followed.
        case open
        /// Followed to the end: the longest chain from it, and the items decoded for it, itself included.
        case done(height: Int, visitCount: Int)
    }

    private(set) var targets: [UInt32: [UInt32]] = [:]
    private var count = 0

    /// Reads the references of a file, as far as its boxes can be followed. Throws `malformed` if there are more than
    /// `maximumCount`.
    init(_ bytes: Span<UInt8>) throws(ImagingError) {
        for meta in Self.boxes("meta", in: 0..<bytes.count, of: bytes) {
            // A version and flags come before the boxes inside.
            for references in Self.boxes("iref", in: meta.dropFirst(4), of: bytes) {
                try read(references, bytes)
            }
        }
    }

    /// Whether decoding an item would lead to itself, through too long a chain, or to too many items.
    var areEndless: Bool {
        var states: [UInt32: ItemState] = [:]
        for start in targets.keys where states[start] == nil {
            var path: [(item: UInt32, next: Int)] = [(start, 0)]
            states[start] = .open
            while let (item, next) = path.last {
                let itemTargets = targets[item] ?? []
                guard next < itemTargets.count else {
                    var (height, visitCount) = (1, 1)
                    for case .done(let targetHeight, let targetCount) in itemTargets.compactMap({ states[$0] }) {
                        height = max(height, targetHeight + 1)
                        visitCount += targetCount
                    }
                    guard height <= Self.maximumDepth, visitCount <= Self.maximumVisitCount else { return true }
                    states[item] = .done(height: height, visitCount: visitCount)
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                switch states[itemTargets[next]] {
                case .open: return true
                case .done: continue
                case nil:
                    guard path.count < Self.maximumDepth else { return true }
                    states[itemTargets[next]] = .open
                    path.append((itemTargets[next], 0))
                }
            }
        }
        return false
    }

    /// Reads an `iref` box: after version and flags, one box for each item and kind of reference.
    private mutating func read(_ box: Range<Int>, _ bytes: Span<UInt8>) throws(ImagingError) {
        guard let version = Self.number(1, at: box.lowerBound, in: box, of: bytes) else { return }
        let width = version == 0 ? 2 : 4
        for kind in ["dimg", "auxl"] {
            for reference in Self.boxes(kind, in: box.dropFirst(4), of: bytes) {
                var place = reference.lowerBound
                guard let from = Self.number(width, at: place, in: reference, of: bytes),
                    let targetCount = Self.number(2, at: place + width, in: reference, of: bytes)
                else { continue }
                place += width + 2
                for _ in 0..<targetCount {
                    guard let to = Self.number(width, at: place, in: reference, of: bytes) else { break }
                    place += width
                    count += 1
                    guard count <= Self.maximumCount else {
                        throw ImagingError(.malformed, "the container has more than \(Self.maximumCount) references")
                    }
                    // An alpha plane names the picture it belongs to, which decodes it.
                    let (item, target) = kind == "dimg" ? (from, to) : (to, from)
                    targets[item, default: []].append(target)
                }
            }
        }
    }

    /// The contents of the boxes of a type, one after the other in `range`; what cannot be followed ends the list.
    private static func boxes(_ type: String, in range: Range<Int>, of bytes: Span<UInt8>) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var place = range.lowerBound
        while let short = number(4, at: place, in: range, of: bytes),
            let name = number(4, at: place + 4, in: range, of: bytes)
        {
            var start = place + 8
            var length = Int(short)
            if length == 1 {
                guard let high = number(4, at: place + 8, in: range, of: bytes),
                    let low = number(4, at: place + 12, in: range, of: bytes), high < 1 << 30
                else { break }
                length = Int(high) << 32 | Int(low)
                start += 8
            } else if length == 0 {
                length = range.upperBound - place
            }
            guard length >= start - place else { break }
            let end = length > range.upperBound - place ? range.upperBound : place + length
            if name == type.utf8.reduce(0, { $0 << 8 | UInt32($1) }), start <= end { found.append(start..<end) }
            place = end
        }
        return found
    }

    /// A big-endian number of 1 to 4 bytes; `nil` beyond the range.
    private static func number(_ width: Int, at place: Int, in range: Range<Int>, of bytes: Span<UInt8>) -> UInt32? {
        guard place >= range.lowerBound, place + width <= range.upperBound else { return nil }
        var value: UInt32 = 0
        for offset in 0..<width { value = value << 8 | UInt32(bytes[place + offset]) }
        return value
    }
}
