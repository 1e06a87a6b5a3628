/// The unigram language model of sentencepiece (Kudo 2018, arXiv 1804.10959): the cut of a text into pieces whose scores,
/// which are log probabilities, have the largest sum.
struct UnigramModel: Sendable {
    /// How much worse than the least score an unknown character is.
    private static let unknownPenalty = 10.0

    let vocabulary: PieceVocabulary
    /// Whether scores are summed in Float32 as sentencepiece does, or in Float64 as the `tokenizers` package does. Sums
    /// that differ in their last bits can decide between two cuts.
    let isSinglePrecision: Bool
    private let beginnings: BeginningFilter
    private let isMatched: [Bool]
    private let unknownScore: Double
    private let largestScore: Double

    /// Makes a model.
    ///
    /// - Parameters:
    ///   - matchesAllKinds: Whether control pieces are found in a text, as the `tokenizers` package does, which does not
    ///     know kinds.
    init(vocabulary: PieceVocabulary, isSinglePrecision: Bool, matchesAllKinds: Bool) {
        self.vocabulary = vocabulary
        self.isSinglePrecision = isSinglePrecision
        isMatched = vocabulary.kinds.map { matchesAllKinds || $0 == .normal || $0 == .userDefined }
        beginnings = BeginningFilter(vocabulary.pieces)
        var (least, largest) = (Double.infinity, -Double.infinity)
        for (score, kind) in zip(vocabulary.scores, vocabulary.kinds) where matchesAllKinds || kind == .normal {
            least = min(least, score)
            largest = max(largest, score)
        }
        let unknown = (least.isFinite ? least : 0) - Self.unknownPenalty
        unknownScore = isSinglePrecision ? Double(Float(unknown)) : unknown
        largestScore = largest.isFinite ? largest : 0
    }

    /// The best way to reach a position of the text.
    private struct Step {
        var score = 0.0
        var start: Int32 = -1
        var id: Int32 = -1
    }

    /// Appends the tokens of `text[range]`, which must be whole characters of UTF-8.
    ///
    /// Time: the length times the length of the longest piece that begins there. A run of unknown characters is one token.
    func encode(_ text: Span<UInt8>, _ range: Range<Int>, into tokens: inout [PieceToken]) {
        guard !range.isEmpty else { return }
        var steps = [Step](repeating: Step(), count: range.count + 1)
        var start = range.lowerBound
        while start < range.upperBound {
            let here = steps[start - range.lowerBound].score
            let characterEnd = min(start + characterByteCount(text[start]), range.upperBound)
            var hasSingleCharacter = false
            var hash = PieceTable.Hash()
            var end = start
            while end < range.upperBound {
                let next = min(end + characterByteCount(text[end]), range.upperBound)
                hash.add(text, end..<next)
                end = next
                guard beginnings.contains(hash) else { break }
                guard let id = vocabulary.pieces.index(of: text, start..<end, hash: hash), isMatched[Int(id)] else {
                    continue
                }
                if end == characterEnd { hasSingleCharacter = true }
                relax(&steps, from: start, to: end, base: range.lowerBound, id: id, sum: sum(here, id, end - start))
            }
            if !hasSingleCharacter {
                let sum = here + unknownScore
                relax(
                    &steps, from: start, to: characterEnd, base: range.lowerBound, id: vocabulary.unknownID,
                    sum: isSinglePrecision ? Double(Float(sum)) : sum)
            }
            start = characterEnd
        }
        append(steps, text, range, to: &tokens)
    }

    @inline(__always)
    private func sum(_ here: Double, _ id: Int32, _ byteCount: Int) -> Double {
        if vocabulary.kinds[Int(id)] == .userDefined && isSinglePrecision {
            // sentencepiece prefers a longer user-defined piece to any pieces inside it.
            return here + (Double(Float(byteCount) * Float(largestScore)) - 0.1)
        }
        let sum = here + vocabulary.scores[Int(id)]
        return isSinglePrecision ? Double(Float(sum)) : sum
    }

    @inline(__always)
    private func relax(_ steps: inout [Step], from start: Int, to end: Int, base: Int, id: Int32, sum: Double) {
        let index = end - base
        guard steps[index].start < 0 || sum > steps[index].score else { return }
        steps[index] = Step(score: isSinglePrecision ? Double(Float(sum)) : sum, start: Int32(start - base), id: id)
    }

    /// Follows the best steps back from the end.
    private func append(_ steps: [Step], _ text: Span<UInt8>, _ range: Range<Int>, to tokens: inout [PieceToken]) {
        let first = tokens.count
        var end = range.count
        while end > 0 {
            let step = steps[end]
            let textEnd = range.lowerBound + end
            if step.id != vocabulary.unknownID {
                tokens.append(PieceToken(id: step.id, end: textEnd))
            } else if !vocabulary.byteIDs.isEmpty {
                for index in ((range.lowerBound + Int(step.start))..<textEnd).reversed() {
                    tokens.append(PieceToken(id: vocabulary.byteIDs[Int(text[index])], end: textEnd))
                }
            } else if tokens.count == first || tokens[tokens.count - 1].id != vocabulary.unknownID {
                tokens.append(PieceToken(id: step.id, end: textEnd))
            }
            end = Int(step.start)
        }
        tokens[first...].reverse()
    }
}

/// Says quickly of most strings that no piece begins with them.
private struct BeginningFilter: Sendable {
    private var words: [UInt64]

    /// Makes the filter of the beginnings, cut between characters, of all pieces.
    init(_ pieces: PieceTable) {
        var bitCount = 1 << 10
        while bitCount < pieces.count * 32 { bitCount *= 2 }
        words = [UInt64](repeating: 0, count: bitCount / 64)
        for index in 0..<pieces.count {
            let piece = pieces.bytes(Int32(index))
            var hash = PieceTable.Hash()
            for position in piece.indices {
                hash.add(piece[position])
                if position + 1 == piece.endIndex || piece[position + 1] & 0xC0 != 0x80 {
                    let bit = Int(truncatingIfNeeded: hash.mixed >> 16) & (bitCount - 1)
                    words[bit >> 6] |= 1 << UInt64(bit & 63)
                }
            }
        }
    }

    /// False when certainly no piece begins with the string of this hash.
    @inline(__always)
    func contains(_ hash: PieceTable.Hash) -> Bool {
        let bit = Int(truncatingIfNeeded: hash.mixed >> 16) & (words.count * 64 - 1)
        return words[bit >> 6] >> UInt64(bit & 63) & 1 == 1
    }
}
