/// The byte-pair model of sentencepiece's own files: of all neighbours that together are a piece, the two whose piece has
/// the highest score are joined first, the leftmost among equals.
struct ScoredMerges: Sendable {
    let vocabulary: PieceVocabulary
    /// Position of each piece when the scores fall; equal scores share one.
    private let orders: [Int32]
    private let userDefined: StringSplitter

    /// Makes the model.
    init(vocabulary: PieceVocabulary) {
        self.vocabulary = vocabulary
        var orders = [Int32](repeating: 0, count: vocabulary.count)
        var order: Int32 = 0
        var previous: Double?
        let falling = vocabulary.scores.indices.sorted { vocabulary.scores[$0] > vocabulary.scores[$1] }
        for index in falling {
            if let previous, previous != vocabulary.scores[index] { order += 1 }
            previous = vocabulary.scores[index]
            orders[index] = order
        }
        self.orders = orders
        userDefined = StringSplitter(
            vocabulary.kinds.indices.filter { vocabulary.kinds[$0] == .userDefined }.map {
                StringSplitter.Entry(bytes: Array(vocabulary.pieces.bytes(Int32($0))), id: Int32($0))
            })
    }

    private struct Symbol {
        var range: Range<Int>
        var previous: Int
        var next: Int
        /// Whether it is a user-defined piece, which nothing joins.
        var isFixed: Bool
    }

    private struct Candidate {
        var order: Int32
        var left: Int
        var right: Int
        var byteCount: Int

        static func precedes(_ one: Candidate, _ other: Candidate) -> Bool {
            one.order != other.order ? one.order < other.order : one.left < other.left
        }
    }

    /// Appends the tokens of `text[range]`, which must be whole characters of UTF-8. Time n log n.
    func encode(_ text: [UInt8], into tokens: inout [PieceToken]) {
        var symbols = symbols(of: text)
        guard !symbols.isEmpty else { return }
        let span = text.span
        // What an unused piece was made of last.
        var parts: [Int32: (left: Range<Int>, right: Range<Int>)] = [:]
        var heap = MinimumHeap<Candidate>(minimumCapacity: symbols.count, precedes: Candidate.precedes)
        func consider(_ left: Int, _ right: Int) {
            guard left >= 0, right >= 0, !symbols[left].isFixed, !symbols[right].isFixed else { return }
            let range = symbols[left].range.lowerBound..<symbols[right].range.upperBound
            guard let id = mergedID(span, range) else { return }
            heap.push(Candidate(order: orders[Int(id)], left: left, right: right, byteCount: range.count))
            if vocabulary.kinds[Int(id)] == .unused { parts[id] = (symbols[left].range, symbols[right].range) }
        }
        for index in symbols.indices.dropFirst() { consider(index - 1, index) }
        while let best = heap.pop() {
            let (left, right) = (symbols[best.left], symbols[best.right])
            guard !left.range.isEmpty, !right.range.isEmpty, left.range.count + right.range.count == best.byteCount
            else { continue }
            symbols[best.left].range = left.range.lowerBound..<right.range.upperBound
            symbols[best.right].range = right.range.upperBound..<right.range.upperBound
            symbols[best.left].next = right.next
            if right.next >= 0 { symbols[right.next].previous = best.left }
            consider(left.previous, best.left)
            consider(best.left, right.next)
        }
        var index = 0
        while index >= 0 {
            append(symbols[index].range, of: span, parts: parts, to: &tokens)
            index = symbols[index].next
        }
    }

    private func symbols(of text: [UInt8]) -> [Symbol] {
        var symbols: [Symbol] = []
        symbols.reserveCapacity(text.count)
        var start = 0
        func append(_ range: Range<Int>, isFixed: Bool) {
            symbols.append(
                Symbol(range: range, previous: symbols.count - 1, next: symbols.count + 1, isFixed: isFixed))
        }
        for piece in userDefined.pieces(of: text) {
            switch piece {
            case .id(let id):
                let end = start + vocabulary.pieces.byteCount(id)
                append(start..<end, isFixed: true)
                start = end
            case .text(let part):
                let partEnd = start + part.count
                while start < partEnd {
                    let end = min(start + characterByteCount(text[start]), partEnd)
                    append(start..<end, isFixed: false)
                    start = end
                }
            }
        }
        if !symbols.isEmpty { symbols[symbols.count - 1].next = -1 }
        return symbols
    }

    /// The piece that neighbours can become.
    private func mergedID(_ text: Span<UInt8>, _ range: Range<Int>) -> Int32? {
        guard let id = vocabulary.pieces.index(of: text, range) else { return nil }
        switch vocabulary.kinds[Int(id)] {
        case .normal, .userDefined, .unused: return id
        case .unknown, .control, .byte: return nil
        }
    }

    private func append(
        _ range: Range<Int>, of text: Span<UInt8>, parts: [Int32: (left: Range<Int>, right: Range<Int>)],
        to tokens: inout [PieceToken]
    ) {
        if let id = mergedID(text, range) {
            if vocabulary.kinds[Int(id)] == .unused, let pair = parts[id] {
                let offset = range.lowerBound - pair.left.lowerBound
                let middle = pair.left.upperBound + offset
                append(range.lowerBound..<middle, of: text, parts: parts, to: &tokens)
                append(middle..<range.upperBound, of: text, parts: parts, to: &tokens)
            } else {
                tokens.append(PieceToken(id: id, end: range.upperBound))
            }
        } else if vocabulary.byteIDs.isEmpty {
            if tokens.last?.id == vocabulary.unknownID {
                tokens[tokens.count - 1].end = range.upperBound
            } else {
                tokens.append(PieceToken(id: vocabulary.unknownID, end: range.upperBound))
            }
        } else {
            for index in range {
                tokens.append(PieceToken(id: vocabulary.byteIDs[Int(text[index])], end: range.upperBound))
            }
        }
    }
}
