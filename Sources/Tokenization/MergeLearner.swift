/// Greedy byte-pair merging over counted words, with incremental pair counts.
struct MergeLearner {
    private struct Pair {
        var left: Int32
        var right: Int32
        var count: Int
        /// Head of the list of words that hold, or once held, the pair; -1 ends it.
        var firstOccurrence: Int32
    }

    private struct Candidate {
        var count: Int
        var left: Int32
        var right: Int32
        var pair: Int32

        /// Whether this one is merged before the other.
        @inline(__always)
        func precedes(_ other: Candidate) -> Bool {
            if count != other.count { return count > other.count }
            if left != other.left { return left < other.left }
            return right < other.right
        }
    }

    private let settings: BytePairTrainer.Settings
    private var vocabulary = BytePairVocabulary()
    private var symbols: [Int32] = []
    private var starts: [Int] = []
    private var lengths: [Int] = []
    private var counts: [Int] = []

    private var pairOfSymbols = PairTable(minimumCapacity: 1 << 14)
    private var pairs: [Pair] = []
    private var occurrenceWord: [Int32] = []
    private var occurrenceNext: [Int32] = []
    private var heap: [Candidate] = []
    private var touched: [Int32] = []

    /// `words` are distinct pre-tokens with their counts, sorted by bytes.
    init(words: [(bytes: [UInt8], count: Int)], settings: BytePairTrainer.Settings) {
        self.settings = settings
        seedHan(words)
        var scratch: [Int32] = []
        var ranks: [Int32] = []
        for (bytes, count) in words {
            vocabulary.baseSymbols(bytes.span, 0..<bytes.count, into: &scratch)
            vocabulary.table.apply(to: &scratch, ranks: &ranks)
            starts.append(symbols.count)
            lengths.append(scratch.count)
            counts.append(count)
            symbols += scratch
        }
    }

    /// Gives each common Han character its token: two merges for three bytes, the first often shared.
    private mutating func seedHan(_ words: [(bytes: [UInt8], count: Int)]) {
        let budget = (settings.vocabularySize - vocabulary.count) / 2
        let limit = vocabulary.count + budget
        var seeds: [(bytes: [UInt8], count: Int)] = []
        for word in words where word.count >= settings.minimumHanCount && (3...4).contains(word.bytes.count) {
            let (scalar, length) = decodeScalar(word.bytes.span, at: 0)
            if length == word.bytes.count && ScalarClass(scalar) == .han { seeds.append(word) }
        }
        seeds.sort { $0.count != $1.count ? $0.count > $1.count : $0.bytes.lexicographicallyPrecedes($1.bytes) }
        for seed in seeds {
            if vocabulary.count + seed.bytes.count - 1 > limit { break }
            var left = vocabulary.baseID(seed.bytes[0], endsWord: false)
            for (index, byte) in seed.bytes.enumerated().dropFirst() {
                let right = vocabulary.baseID(byte, endsWord: index == seed.bytes.count - 1)
                left = merged(left, right)
            }
        }
    }

    /// The token of a pair, by an existing merge or a new one.
    private mutating func merged(_ left: Int32, _ right: Int32) -> Int32 {
        if let rank = vocabulary.table.rank(left, right) { return vocabulary.table.merges[Int(rank)].result }
        do {
            return try vocabulary.appendMerge(left, right)
        } catch {
            preconditionFailure("MergeLearner: merge of \(left) and \(right) refused: \(error)")
        }
    }

    /// Runs to the vocabulary size or until no pair is common enough, and returns the vocabulary.
    mutating func learn() -> BytePairVocabulary {
        for word in lengths.indices {
            let start = starts[word]
            for index in start..<(start + max(lengths[word], 1) - 1) {
                count(symbols[index], symbols[index + 1], by: counts[word], in: word)
            }
        }
        pushTouched()
        while vocabulary.count < settings.vocabularySize, let candidate = pop() {
            let pair = pairs[Int(candidate.pair)]
            if pair.count != candidate.count {
                // Stale: the count fell since it was pushed (rises push again).
                if pair.count < candidate.count { push(candidate.pair) }
                continue
            }
            let result = merged(pair.left, pair.right)
            apply(candidate.pair, result: result)
            pushTouched()
        }
        return vocabulary
    }

    /// Merges a pair in every word that holds it and brings the pair counts up to date.
    private mutating func apply(_ pairIndex: Int32, result: Int32) {
        let (left, right) = (pairs[Int(pairIndex)].left, pairs[Int(pairIndex)].right)
        var occurrence = pairs[Int(pairIndex)].firstOccurrence
        pairs[Int(pairIndex)].firstOccurrence = -1
        while occurrence >= 0 {
            let word = Int(occurrenceWord[Int(occurrence)])
            occurrence = occurrenceNext[Int(occurrence)]
            let start = starts[word]
            let length = lengths[word]
            let weight = counts[word]
            var write = start
            var read = start
            let end = start + length
            while read < end {
                guard read + 1 < end, symbols[read] == left, symbols[read + 1] == right else {
                    symbols[write] = symbols[read]
                    write += 1
                    read += 1
                    continue
                }
                // Neighbours: what was written before, and what is still to be read behind.
                count(left, right, by: -weight, in: nil)
                if write > start {
                    let before = symbols[write - 1]
                    count(before, left, by: -weight, in: nil)
                    count(before, result, by: weight, in: word)
                }
                if read + 2 < end {
                    let after = symbols[read + 2]
                    count(right, after, by: -weight, in: nil)
                    count(result, after, by: weight, in: word)
                }
                symbols[write] = result
                write += 1
                read += 2
            }
            lengths[word] = write - start
        }
    }

    /// Changes the count of a pair; `word` is noted as holding it.
    private mutating func count(_ left: Int32, _ right: Int32, by change: Int, in word: Int?) {
        let index: Int32
        if let existing = pairOfSymbols.value(left, right) {
            index = existing
        } else {
            index = Int32(pairs.count)
            pairOfSymbols.set(left, right, to: index)
            pairs.append(Pair(left: left, right: right, count: 0, firstOccurrence: -1))
        }
        pairs[Int(index)].count += change
        guard let word else { return }
        touched.append(index)
        let head = pairs[Int(index)].firstOccurrence
        if head >= 0 && occurrenceWord[Int(head)] == Int32(word) { return }
        occurrenceWord.append(Int32(word))
        occurrenceNext.append(head)
        pairs[Int(index)].firstOccurrence = Int32(occurrenceWord.count - 1)
    }

    private mutating func pushTouched() {
        touched.sort()
        var last: Int32 = -1
        for index in touched where index != last {
            last = index
            push(index)
        }
        touched.removeAll(keepingCapacity: true)
    }

    // MARK: Heap of candidates, best first

    private mutating func push(_ index: Int32) {
        let pair = pairs[Int(index)]
        guard pair.count >= settings.minimumPairCount else { return }
        let byteCount =
            vocabulary.tokens[Int(pair.left)].bytes.count + vocabulary.tokens[Int(pair.right)].bytes.count
        guard byteCount <= settings.maximumTokenByteCount else { return }
        heap.append(Candidate(count: pair.count, left: pair.left, right: pair.right, pair: index))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() -> Candidate? {
        guard let best = heap.first else { return nil }
        let last = heap.removeLast()
        if heap.isEmpty { return best }
        heap[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            if child >= heap.count { break }
            if child + 1 < heap.count && heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(heap[parent]) else { break }
            heap.swapAt(child, parent)
            parent = child
        }
        return best
    }
}
