/// The byte-pair model of a `tokenizer.json` that starts from characters: of all neighbours that a merge names, the two of
/// the lowest rank are joined first; characters without a token become their bytes, or the unknown token.
struct RankedMerges: Sendable {
    private let pieces: PieceTable
    private let ids: [Int32]
    private let table: MergeTable
    private let unknownID: Int32?
    private let fusesUnknown: Bool
    private let byteIDs: [Int32]

    /// Makes the model from a file; `blockedIDs` are never made by a merge.
    init(_ file: BytePairFile, blockedIDs: Set<Int32>) throws(PieceVocabulary.Refusal) {
        pieces = file.pieces
        ids = file.ids
        unknownID = try file.unknownToken.map { (name) throws(PieceVocabulary.Refusal) in
            guard let id = file.id(of: name) else {
                throw PieceVocabulary.Refusal(reason: "the unknown token “\(name.prefix(64))” is not in it")
            }
            return id
        }
        fusesUnknown = file.fusesUnknown
        byteIDs = file.hasByteFallback ? try PieceVocabulary.byteIDs { file.id(of: $0) } : []
        guard unknownID != nil || file.hasByteFallback else {
            throw PieceVocabulary.Refusal(reason: "it has neither an unknown token nor byte pieces")
        }
        if blockedIDs.isEmpty || !file.merges.merges.contains(where: { blockedIDs.contains($0.result) }) {
            table = file.merges
        } else {
            var table = MergeTable(minimumCapacity: file.merges.merges.count)
            for merge in file.merges.merges where !blockedIDs.contains(merge.result) { table.append(merge) }
            self.table = table
        }
    }

    /// Appends the tokens of `text[range]`, which must be whole characters of UTF-8. Time n log n.
    func encode(_ text: Span<UInt8>, _ range: Range<Int>, into tokens: inout [PieceToken]) {
        var symbols: [Int32] = []
        var ends: [Int32] = []
        symbols.reserveCapacity(range.count)
        var isBehindUnknown = false
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(start + characterByteCount(text[start]), range.upperBound)
            let known = pieces.index(of: text, start..<end)
            if let known {
                symbols.append(ids[Int(known)])
                ends.append(Int32(end))
            } else if !byteIDs.isEmpty {
                for index in start..<end {
                    symbols.append(byteIDs[Int(text[index])])
                    ends.append(Int32(end))
                }
            } else if let unknownID {
                if isBehindUnknown && fusesUnknown {
                    ends[ends.count - 1] = Int32(end)
                } else {
                    symbols.append(unknownID)
                    ends.append(Int32(end))
                }
            }
            isBehindUnknown = known == nil && byteIDs.isEmpty
            start = end
        }
        table.applyToLongRun(&symbols, ends: &ends)
        for (symbol, end) in zip(symbols, ends) { tokens.append(PieceToken(id: symbol, end: Int(end))) }
    }
}
