/// A byte-pair vocabulary as files state it: token strings, their ids, and the ranked merges between them.
struct BytePairFile: Sendable {
    /// Most ids that are accepted; the largest public vocabularies have 256,000.
    static let maximumCount = PieceVocabulary.maximumCount

    private(set) var pieces: PieceTable
    /// The id of each piece by its number.
    private(set) var ids: [Int32] = []
    /// The merges, of ids.
    private(set) var merges = MergeTable()
    /// What the last merge made.
    private var lastResult: Int32 = 0
    var unknownToken: String?
    var fusesUnknown = false
    var hasByteFallback = false
    var endOfWordSuffix = ""
    /// What in the settings of the file this program does not do.
    var unsupportedSetting: String?

    /// Makes an empty vocabulary with room for about `minimumCapacity` tokens.
    init(minimumCapacity: Int) {
        pieces = PieceTable(minimumCapacity: minimumCapacity)
        ids.reserveCapacity(minimumCapacity)
    }

    /// The largest id plus one.
    var idCount: Int { Int(ids.max() ?? -1) + 1 }

    /// The id of a token, or nil.
    func id(of name: String) -> Int32? { pieces.index(of: name).map { ids[Int($0)] } }

    /// Adds a token; throws when it is there already or its id cannot be one.
    mutating func append(_ text: Span<UInt8>, _ range: Range<Int>, id: Int32) throws(PieceVocabulary.Refusal) {
        guard id >= 0, Int(id) < Self.maximumCount else {
            throw PieceVocabulary.Refusal(
                reason: "the id \(id) of “\(Self.name(text, range))” is not in 0…\(Self.maximumCount - 1)")
        }
        guard pieces.append(text, range) else {
            throw PieceVocabulary.Refusal(reason: "the token “\(Self.name(text, range))” is there twice")
        }
        ids.append(id)
    }

    /// Adds a token under the next id.
    mutating func append(_ text: Span<UInt8>, _ range: Range<Int>) throws(PieceVocabulary.Refusal) {
        try append(text, range, id: Int32(ids.count))
    }

    /// Adds a token that has its name from elsewhere unless it is there with this id.
    mutating func appendIfMissing(_ name: String, id: Int32) throws(PieceVocabulary.Refusal) {
        if let known = self.id(of: name) {
            guard known == id else {
                throw PieceVocabulary.Refusal(reason: "the token “\(name.prefix(64))” has the ids \(known) and \(id)")
            }
            return
        }
        let bytes = Array(name.utf8)
        try append(bytes.span, 0..<bytes.count, id: id)
    }

    /// Throws when two tokens have the same id.
    func checkIDs() throws(PieceVocabulary.Refusal) {
        var isTaken = [Bool](repeating: false, count: idCount)
        for id in ids {
            guard !isTaken[Int(id)] else { throw PieceVocabulary.Refusal(reason: "two tokens have the id \(id)") }
            isTaken[Int(id)] = true
        }
    }

    /// Makes room for merges.
    mutating func reserveMerges(_ count: Int) {
        if merges.merges.isEmpty { merges = MergeTable(minimumCapacity: count) }
    }

    /// Adds the merge of two neighbouring strings at the next rank.
    mutating func appendMerge(
        _ text: Span<UInt8>, _ left: Range<Int>, _ right: Range<Int>
    ) throws(PieceVocabulary.Refusal) {
        guard let leftIndex = pieces.index(of: text, left), let rightIndex = pieces.index(of: text, right),
            let result = resultIndex(text, left, right)
        else {
            throw PieceVocabulary.Refusal(reason: "\(mergeName(text, left, right)) has an unknown token")
        }
        lastResult = result
        let merge = MergeTable.Merge(
            left: ids[Int(leftIndex)], right: ids[Int(rightIndex)], result: ids[Int(result)])
        guard merges.append(merge) else {
            throw PieceVocabulary.Refusal(reason: "\(mergeName(text, left, right)) is there twice")
        }
    }

    /// The piece of two strings. Files list merges in the order of what they make, nearly always.
    private func resultIndex(_ text: Span<UInt8>, _ left: Range<Int>, _ right: Range<Int>) -> Int32? {
        for guess in lastResult...(lastResult + 1) where Int(guess) < pieces.count {
            if pieces.isEqual(guess, text, left, text, right) { return guess }
        }
        var hash = PieceTable.Hash()
        hash.add(text, left)
        hash.add(text, right)
        return pieces.index(of: text, left, text, right, hash: hash)
    }

    private func mergeName(_ text: Span<UInt8>, _ left: Range<Int>, _ right: Range<Int>) -> String {
        "merge \(merges.merges.count + 1), “\(Self.name(text, left)) \(Self.name(text, right))”,"
    }

    private static func name(_ text: Span<UInt8>, _ range: Range<Int>) -> String {
        let shown = range.lowerBound..<min(range.upperBound, range.lowerBound + 64)
        return String(decoding: shown.map { text[$0] }, as: UTF8.self)
    }
}
