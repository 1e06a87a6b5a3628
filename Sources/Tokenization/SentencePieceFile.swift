/// A sentencepiece model file (`spiece.model`, `tokenizer.model`): the message `ModelProto` of `sentencepiece_model.proto`.
struct SentencePieceFile: Sendable {
    /// What encodes a normalised text; the values are those of the file.
    enum Algorithm: UInt64, Sendable {
        case unigram = 1
        case bytePair = 2
    }

    /// How a text is normalised.
    struct NormalizerSettings: Sendable {
        var characterMap: ArraySlice<UInt8> = []
        var addsDummyPrefix = true
        var removesExtraSpaces = true
        var escapesSpaces = true
        var treatsSpaceAsSuffix = false
    }

    let vocabulary: PieceVocabulary
    let algorithm: Algorithm
    let normalizer: NormalizerSettings
    /// Names of the special pieces.
    let endPiece: String
    let padPiece: String

    /// Makes a file of its parts.
    init(
        vocabulary: PieceVocabulary, algorithm: Algorithm, normalizer: NormalizerSettings, endPiece: String,
        padPiece: String
    ) {
        self.vocabulary = vocabulary
        self.algorithm = algorithm
        self.normalizer = normalizer
        self.endPiece = endPiece
        self.padPiece = padPiece
    }

    /// Reads a file. Fields that change no ids are passed over, as the format wants.
    init(_ bytes: [UInt8]) throws(TokenFileProblem) {
        do {
            let draft = try SentencePieceDraft(bytes)
            guard let algorithm = Algorithm(rawValue: draft.algorithmNumber) else {
                throw TokenFileProblem(
                    unsupported:
                        "its model type is \(draft.algorithmNumber); only 1 (unigram) and 2 (byte pairs) are supported"
                )
            }
            self.algorithm = algorithm
            vocabulary = try PieceVocabulary(
                pieces: draft.pieces, scores: draft.scores, kinds: draft.kinds, unknownID: draft.unknownID,
                hasByteFallback: draft.hasByteFallback)
            guard draft.kinds.filter({ $0 == .unknown }).count == 1, draft.kinds[Int(draft.unknownID)] == .unknown
            else {
                throw TokenFileProblem(reason: "it has not exactly one unknown piece, with the id that it states")
            }
            (normalizer, endPiece, padPiece) = (draft.normalizer, draft.endPiece, draft.padPiece)
        } catch {
            throw TokenFileProblem(error)
        }
    }
}

/// The fields of a model file as they are read, before they are checked against each other.
private struct SentencePieceDraft {
    var pieces: PieceTable
    var scores: [Double] = []
    var kinds: [PieceVocabulary.Kind] = []
    var normalizer = SentencePieceFile.NormalizerSettings()
    // Where the file is silent, the defaults of the message's definition.
    var algorithmNumber: UInt64 = 1
    var unknownID: Int32 = 0
    var hasByteFallback = false
    var endPiece = "</s>"
    var padPiece = "<pad>"

    init(_ bytes: [UInt8]) throws {
        pieces = PieceTable(minimumCapacity: bytes.count / 24)
        var reader = ProtobufReader(0..<bytes.count)
        let span = bytes.span
        while let field = try reader.next(in: span) {
            guard case .bytes(let range) = field.value else { continue }
            switch field.number {
            case 1: try readPiece(span, range, bytes)
            case 2: try readTrainer(span, range, bytes)
            case 3: try readNormalizer(span, range, bytes)
            default: break
            }
        }
    }

    private mutating func readPiece(_ span: Span<UInt8>, _ range: Range<Int>, _ bytes: [UInt8]) throws {
        var reader = ProtobufReader(range)
        var text = 0..<0
        var score: Float = 0
        var kind = PieceVocabulary.Kind.normal
        while let field = try reader.next(in: span) {
            switch (field.number, field.value) {
            case (1, .bytes(let range)): text = range
            case (2, .fixed32(let bits)): score = Float(bitPattern: bits)
            case (3, .varint(let number)):
                guard let known = UInt8(exactly: number).flatMap(PieceVocabulary.Kind.init) else {
                    throw TokenFileProblem(reason: "piece \(scores.count) is of the unknown kind \(number)")
                }
                kind = known
            default: break
            }
        }
        guard !text.isEmpty, String(validating: bytes[text], as: UTF8.self) != nil else {
            throw TokenFileProblem(reason: "piece \(scores.count) is empty or not UTF-8")
        }
        guard pieces.append(span, text) else {
            throw TokenFileProblem(reason: "piece \(scores.count) is there twice")
        }
        scores.append(Double(score))
        kinds.append(kind)
    }

    private mutating func readTrainer(_ span: Span<UInt8>, _ range: Range<Int>, _ bytes: [UInt8]) throws {
        var reader = ProtobufReader(range)
        while let field = try reader.next(in: span) {
            switch (field.number, field.value) {
            case (3, .varint(let number)): algorithmNumber = number
            case (24, .varint(let flag)): normalizer.treatsSpaceAsSuffix = flag != 0
            case (35, .varint(let flag)): hasByteFallback = flag != 0
            case (40, .varint(let number)): unknownID = Int32(truncatingIfNeeded: number)
            case (47, .bytes(let range)): endPiece = String(decoding: bytes[range], as: UTF8.self)
            case (48, .bytes(let range)): padPiece = String(decoding: bytes[range], as: UTF8.self)
            default: break
            }
        }
    }

    private mutating func readNormalizer(_ span: Span<UInt8>, _ range: Range<Int>, _ bytes: [UInt8]) throws {
        var reader = ProtobufReader(range)
        while let field = try reader.next(in: span) {
            switch (field.number, field.value) {
            case (2, .bytes(let range)): normalizer.characterMap = bytes[range]
            case (3, .varint(let flag)): normalizer.addsDummyPrefix = flag != 0
            case (4, .varint(let flag)): normalizer.removesExtraSpaces = flag != 0
            case (5, .varint(let flag)): normalizer.escapesSpaces = flag != 0
            default: break
            }
        }
    }
}
