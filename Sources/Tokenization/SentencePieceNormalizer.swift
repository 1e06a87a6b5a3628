/// How sentencepiece itself prepares a text: characters are replaced by the model's map (the longest match), spaces are
/// collapsed and trimmed, one is put in front, and all become U+2581, as far as the model's settings say so.
struct SentencePieceNormalizer: Sendable {
    /// U+2581, which stands for a space in pieces, in UTF-8.
    static let spaceSymbol: [UInt8] = [0xE2, 0x96, 0x81]

    private let map: CharacterMap?
    private let settings: SentencePieceFile.NormalizerSettings
    private let userDefined: StringSplitter

    /// Makes the normaliser of a model; user-defined pieces pass it as they are.
    init(
        settings: SentencePieceFile.NormalizerSettings, vocabulary: PieceVocabulary
    ) throws(CharacterMap.Refusal) {
        self.settings = settings
        map = settings.characterMap.isEmpty ? nil : try CharacterMap(settings.characterMap)
        userDefined = StringSplitter(
            vocabulary.kinds.indices.filter { vocabulary.kinds[$0] == .userDefined }.map {
                StringSplitter.Entry(bytes: Array(vocabulary.pieces.bytes(Int32($0))), id: Int32($0))
            })
    }

    /// The normalised form of UTF-8 text.
    func normalized(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 2)
        // Whether spaces that come now are superfluous.
        var isBehindSpace = settings.removesExtraSpaces
        var isAtStart = true
        func begin() {
            guard isAtStart else { return }
            isAtStart = false
            if settings.addsDummyPrefix && !settings.treatsSpaceAsSuffix { appendSpace(to: &result) }
        }
        func append(_ part: ArraySlice<UInt8>) {
            // Only parts that are exactly a space are dropped before the start.
            if isAtStart && settings.removesExtraSpaces && part.elementsEqual([0x20]) { return }
            begin()
            var part = part
            while isBehindSpace, part.first == 0x20 { part = part.dropFirst() }
            for byte in part {
                if byte == 0x20 { appendSpace(to: &result) } else { result.append(byte) }
            }
            if let last = part.last { isBehindSpace = last == 0x20 }
            if !settings.removesExtraSpaces { isBehindSpace = false }
        }
        for piece in parts(of: text) { append(piece) }
        if isAtStart { return [] }
        if settings.removesExtraSpaces {
            let space = settings.escapesSpaces ? Self.spaceSymbol : [0x20]
            while result.count >= space.count, result.suffix(space.count).elementsEqual(space) {
                result.removeLast(space.count)
            }
        }
        if settings.addsDummyPrefix && settings.treatsSpaceAsSuffix { appendSpace(to: &result) }
        return result
    }

    private func appendSpace(to result: inout [UInt8]) {
        if settings.escapesSpaces { result += Self.spaceSymbol } else { result.append(0x20) }
    }

    /// The text in the parts that are replaced or kept one by one.
    private func parts(of text: [UInt8]) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        parts.reserveCapacity(text.count)
        let span = text.span
        var index = 0
        while index < text.count {
            if let entry = userDefined.match(text, at: index) {
                parts.append(text[index..<(index + entry.bytes.count)])
                index += entry.bytes.count
            } else if let match = map?.match(in: span, index..<text.count, takesShortest: false) {
                parts.append(map?.bytes(match.replacement) ?? [])
                index += match.byteCount
            } else {
                let end = min(index + characterByteCount(text[index]), text.count)
                parts.append(text[index..<end])
                index = end
            }
        }
        return parts
    }
}
