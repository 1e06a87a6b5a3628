/// The tokens of an imported CLIP vocabulary, under the ids of its files.
struct ClipVocabulary: Sendable {
    /// Why a vocabulary is refused: one sentence without its next step.
    struct Refusal: Error { let reason: String }

    /// The strings that name the start and end tokens in one family of files.
    struct SpecialNames: Sendable, Equatable {
        var start: String
        var end: String

        static let openClip = SpecialNames(start: "<start_of_text>", end: "<end_of_text>")
        static let openAI = SpecialNames(start: "<|startoftext|>", end: "<|endoftext|>")
    }

    /// Most ids that are accepted; CLIP has 49,408.
    static let maximumCount = 1 << 20
    /// The longest token that is accepted; CLIP's is shorter than 128.
    static let maximumTokenByteCount = 4096

    let table: MergeTable
    /// Ids of the base symbols by byte, then the same at the end of a word.
    let baseIDs: [Int32]
    /// How many bytes of text each token covers; 0 for a special.
    let byteCounts: [Int32]
    let startTokenID: Int32
    let endTokenID: Int32
    /// The bytes of the tokens that end a word, by id; empty for all others.
    private let wordBytes: [[UInt8]]
    private let wordCache = WordTableCache()

    /// Number of ids, specials included.
    var count: Int { byteCounts.count }

    /// Makes a vocabulary of what files state.
    init(_ file: BytePairFile, startTokenID: Int32, endTokenID: Int32) throws(Refusal) {
        let count = file.idCount
        guard startTokenID != endTokenID, startTokenID >= 0, Int(startTokenID) < count, endTokenID >= 0,
            Int(endTokenID) < count
        else { throw Refusal(reason: "the start and end tokens are the same, or not in it") }
        guard count <= Self.maximumCount else {
            throw Refusal(reason: "its highest id is \(count - 1), more than \(Self.maximumCount - 1)")
        }
        let alphabet = ByteAlphabet()
        var baseIDs: [Int32] = []
        // The bytes of a token, and whether it ends a word, follow from how it is made, not from its spelling.
        var bytes = [[UInt8]](repeating: [], count: count)
        var endsWord = [Bool](repeating: false, count: count)
        for suffix in ["", ByteAlphabet.endOfWordSuffix] {
            for byte in UInt8.min...UInt8.max {
                guard let id = file.id(of: alphabet.text([byte]) + suffix) else {
                    throw Refusal(reason: "the symbol “\(alphabet.text([byte]) + suffix)” of a single byte is missing")
                }
                baseIDs.append(id)
                bytes[Int(id)] = [byte]
                endsWord[Int(id)] = !suffix.isEmpty
            }
        }
        for (rank, merge) in file.merges.merges.enumerated() {
            let (left, right, result) = (Int(merge.left), Int(merge.right), Int(merge.result))
            guard !bytes[left].isEmpty, !bytes[right].isEmpty else {
                throw Refusal(reason: "merge \(rank + 1) has a token that no merge before it makes")
            }
            guard !endsWord[left] else { throw Refusal(reason: "merge \(rank + 1) joins over a word's end") }
            if bytes[result].isEmpty {
                bytes[result] = bytes[left] + bytes[right]
                endsWord[result] = endsWord[right]
            }
            guard bytes[result].count <= Self.maximumTokenByteCount else {
                throw Refusal(reason: "merge \(rank + 1) makes a token longer than \(Self.maximumTokenByteCount) bytes")
            }
        }
        table = file.merges
        self.baseIDs = baseIDs
        self.startTokenID = startTokenID
        self.endTokenID = endTokenID
        byteCounts = bytes.map { Int32($0.count) }
        wordBytes = zip(bytes, endsWord).map { $1 ? $0 : [] }
    }

    /// The pre-tokens whose encoding is a single token, which is nearly all of a caption. To find them costs as much as some
    /// hundred texts do without, hence ``WordTableCache``.
    private func makeWholeWords() -> WordTable {
        var words: [(word: PackedWord, id: Int32)] = []
        var symbols: [Int32] = []
        var ranks: [Int32] = []
        for (id, token) in wordBytes.enumerated() where !token.isEmpty {
            let span = token.span
            guard let word = PackedWord(span, 0..<span.count) else { continue }
            setBaseSymbols(of: span, 0..<span.count, into: &symbols)
            table.apply(to: &symbols, ranks: &ranks)
            // A token can be reachable only from inside a longer word; the merges decide, not its presence.
            if symbols == [Int32(id)] { words.append((word, Int32(id))) }
        }
        return WordTable(words)
    }

    private func setBaseSymbols(of bytes: Span<UInt8>, _ range: Range<Int>, into symbols: inout [Int32]) {
        symbols.removeAll(keepingCapacity: true)
        for index in range {
            symbols.append(baseIDs[Int(bytes[index]) + (index == range.upperBound - 1 ? 256 : 0)])
        }
    }

    /// The table of whole words to encode one text with, once many texts have been encoded.
    func wholeWords() -> WordTable? { wordCache.table(makeWholeWords) }

    /// Replaces `symbols` by the token ids of one pre-token, which must not be empty. `ranks` is scratch; `words` changes
    /// nothing but the time.
    func encode(
        _ bytes: Span<UInt8>, _ range: Range<Int>, into symbols: inout [Int32], ranks: inout [Int32], words: WordTable?
    ) {
        if let words, let word = PackedWord(bytes, range), let id = words.id(of: word) {
            symbols.removeAll(keepingCapacity: true)
            symbols.append(id)
            return
        }
        setBaseSymbols(of: bytes, range, into: &symbols)
        if symbols.count < MergeTable.longRunSymbolCount {
            table.apply(to: &symbols, ranks: &ranks)
        } else {
            table.applyToLongRun(&symbols)
        }
    }
}
