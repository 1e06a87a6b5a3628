/// The pieces of a sentencepiece vocabulary with their scores and kinds. The id of a piece is its number.
struct PieceVocabulary: Sendable {
    /// What a piece is; the values are those of sentencepiece's model files.
    enum Kind: UInt8, Sendable {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    /// Why a vocabulary is refused: one sentence without its next step.
    struct Refusal: Error {
        var reason: String
    }

    /// Most ids that are accepted; the largest public vocabularies have 256,000.
    static let maximumCount = 1 << 22

    let pieces: PieceTable
    let scores: [Double]
    let kinds: [Kind]
    /// The id of what is in no piece.
    let unknownID: Int32
    /// The ids of `<0x00>` … `<0xFF>` when unknown characters become their bytes; empty when they become ``unknownID``.
    let byteIDs: [Int32]

    /// Number of ids.
    var count: Int { pieces.count }

    /// Makes a vocabulary after checks.
    init(
        pieces: PieceTable, scores: [Double], kinds: [Kind], unknownID: Int32, hasByteFallback: Bool
    ) throws(Refusal) {
        guard pieces.count <= Self.maximumCount else {
            throw Refusal(reason: "it has \(pieces.count) pieces, more than \(Self.maximumCount)")
        }
        guard unknownID >= 0, Int(unknownID) < pieces.count else {
            throw Refusal(reason: "the id \(unknownID) of the unknown piece is not one of its \(pieces.count) ids")
        }
        if let index = scores.firstIndex(where: { !$0.isFinite }) {
            throw Refusal(reason: "the score of piece \(index) is not a number")
        }
        self.pieces = pieces
        self.scores = scores
        self.kinds = kinds
        self.unknownID = unknownID
        byteIDs = hasByteFallback ? try Self.byteIDs { pieces.index(of: $0) } : []
    }

    /// The ids of the byte pieces under their names.
    static func byteIDs(_ id: (String) -> Int32?) throws(Refusal) -> [Int32] {
        var ids: [Int32] = []
        for byte in 0..<256 {
            let digits = String(byte, radix: 16, uppercase: true)
            let name = "<0x\(digits.count == 1 ? "0" : "")\(digits)>"
            guard let id = id(name) else { throw Refusal(reason: "the piece “\(name)” of a single byte is missing") }
            ids.append(id)
        }
        return ids
    }
}

/// A token of a text: an id, and where what it stands for ends in the normalised text.
struct PieceToken: Sendable, Equatable {
    var id: Int32
    var end: Int
}

/// How many bytes the UTF-8 character that begins with `byte` has.
@inline(__always)
func characterByteCount(_ byte: UInt8) -> Int {
    byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
}
