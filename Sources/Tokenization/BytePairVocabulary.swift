/// The tokens of a byte-pair vocabulary: three specials, 512 base symbols, and what the merges make.
///
/// Ids: 0 padding, 1 start, 2 end; 3…258 the bytes in the order of ``ByteAlphabet``; 259…514 the same as the last symbol
/// of a pre-token; then the result of each merge in rank order, unless an equal token exists, whose id it then shares.
/// There is no unknown token: every text has bytes.
struct BytePairVocabulary: Sendable {
    static let padTokenID: Int32 = 0
    static let startTokenID: Int32 = 1
    static let endTokenID: Int32 = 2
    static let specialTokens = ["<pad>", "<start>", "<end>"]
    /// Specials and base symbols: the smallest vocabulary there can be.
    static let baseCount = 3 + 512

    struct Token: Hashable, Sendable {
        var bytes: [UInt8]
        var endsWord: Bool
    }

    let alphabet = ByteAlphabet()
    /// All tokens by id; the specials have no bytes.
    private(set) var tokens: [Token]
    private(set) var table = MergeTable()
    private var idOfToken: [Token: Int32]

    init() {
        let special = Token(bytes: [], endsWord: false)
        tokens = [special, special, special]
        for endsWord in [false, true] {
            tokens += alphabet.byteOfRank.map { Token(bytes: [$0], endsWord: endsWord) }
        }
        idOfToken = [:]
        for (id, token) in tokens.enumerated().dropFirst(3) { idOfToken[token] = Int32(id) }
    }

    /// Number of tokens.
    var count: Int { tokens.count }

    /// The base symbol of a byte.
    @inline(__always)
    func baseID(_ byte: UInt8, endsWord: Bool) -> Int32 {
        3 + alphabet.rankOfByte[Int(byte)] + (endsWord ? 256 : 0)
    }

    /// Replaces `symbols` by the base symbols of one pre-token.
    @inline(__always)
    func baseSymbols(_ bytes: Span<UInt8>, _ range: Range<Int>, into symbols: inout [Int32]) {
        symbols.removeAll(keepingCapacity: true)
        for index in range {
            symbols.append(baseID(bytes[index], endsWord: index == range.upperBound - 1))
        }
    }

    /// Why a merge cannot be added.
    enum Refusal: Error { case notATokenPair, endsWordInside, duplicatePair }

    /// Adds the merge of two existing tokens at the next rank and returns the id of its result.
    mutating func appendMerge(_ left: Int32, _ right: Int32) throws(Refusal) -> Int32 {
        guard left >= 3, right >= 3, Int(left) < count, Int(right) < count else { throw .notATokenPair }
        if tokens[Int(left)].endsWord { throw .endsWordInside }
        if table.rank(left, right) != nil { throw .duplicatePair }
        let merged = Token(
            bytes: tokens[Int(left)].bytes + tokens[Int(right)].bytes, endsWord: tokens[Int(right)].endsWord)
        let result: Int32
        if let existing = idOfToken[merged] {
            result = existing
        } else {
            result = Int32(count)
            tokens.append(merged)
            idOfToken[merged] = result
        }
        table.append(MergeTable.Merge(left: left, right: right, result: result))
        return result
    }

    /// The id of a token with these bytes, or nil.
    func id(of token: Token) -> Int32? { idOfToken[token] }

    /// The string of a token in HF-format files.
    func text(of id: Int32) -> String {
        if id < 3 { return Self.specialTokens[Int(id)] }
        let token = tokens[Int(id)]
        return alphabet.text(token.bytes) + (token.endsWord ? ByteAlphabet.endOfWordSuffix : "")
    }
}
