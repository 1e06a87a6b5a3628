/// How a text is cleaned before an imported tokenizer cuts it: each reference library does it differently.
///
/// The flavour belongs to a checkpoint: its text tower was trained, or its published numbers were measured, with one of
/// them. Choose it at import and keep it with the model.
public enum TextCleaning: String, Sendable, CaseIterable, Codable {
    /// open_clip's `lower`, which is OpenAI's own: the repairs of ftfy 6 except its detection of wrongly decoded text, HTML
    /// references decoded twice, single spaces, lower case with the final-sigma rule.
    case openClip
    /// open_clip's `canonicalize`, for SigLIP and SigLIP 2: as ``openClip``, and `_` becomes a space and the other ASCII
    /// punctuation goes before the text is lowered.
    case openClipCanonicalize
    /// open_clip's `whitespace`: as ``openClip``, but the case stays.
    case openClipWhitespace
    /// Hugging Face's `tokenizers` package: what the tokenizer's files say. For CLIP that is NFC, single spaces, lower case
    /// of each character by itself.
    case huggingFaceFast
    /// As ``huggingFaceFast`` with each character lowered first, as transformers' `Siglip2Tokenizer` does. For sentencepiece
    /// vocabularies only.
    case huggingFaceLowercase
    /// Hugging Face's Python classes. CLIP without ftfy installed: control characters go, spaces are put round every CJK
    /// ideograph, NFC, single spaces, lower case with the final-sigma rule. SigLIP: lower case with that rule, ASCII
    /// punctuation goes, single spaces.
    case huggingFaceSlow

    /// The flavour of open_clip for the `clean` of its `tokenizer_kwargs`, or nil when it has no such.
    public init?(openClipName name: String) {
        switch name {
        case "lower": self = .openClip
        case "canonicalize": self = .openClipCanonicalize
        case "whitespace": self = .openClipWhitespace
        default: return nil
        }
    }

    /// Whether it is one of open_clip's.
    public var isOpenClip: Bool {
        switch self {
        case .openClip, .openClipCanonicalize, .openClipWhitespace: true
        case .huggingFaceFast, .huggingFaceLowercase, .huggingFaceSlow: false
        }
    }

    /// The cleaned form of `text` for a CLIP tokenizer: single U+0020 for white space, none at the ends. Linear in the
    /// length of the text.
    public func cleaned(_ text: String) -> String { String(decoding: cleanedBytes(text), as: UTF8.self) }

    /// Whether CLIP's pattern matches without regard to case. Two characters of lower-case text notice: `ſ` in a
    /// contraction, and U+0345, which then is in no class and vanishes.
    var patternIgnoresCase: Bool { self != .huggingFaceFast }

    /// The cleaned form of `text` for a CLIP tokenizer as UTF-8.
    func cleanedBytes(_ text: String) -> [UInt8] {
        if let bytes = cleanedPlainText(text.utf8Span.span, removesPunctuation: self == .openClipCanonicalize) {
            return bytes
        }
        let scalars = Array(text.unicodeScalars)
        switch self {
        case .openClip, .openClipWhitespace, .openClipCanonicalize:
            return Array(openClipText(scalars).utf8)
        case .huggingFaceFast, .huggingFaceLowercase:
            return Array(LetterCase.lowered(CanonicalComposition.composed(scalars), style: .eachCharacter).utf8)
        case .huggingFaceSlow:
            let spaced = CanonicalComposition.composed(Self.withSpacedIdeographs(scalars))
            return Array(LetterCase.lowered(spaced, style: .python).utf8)
        }
    }

    /// The cleaned form of `text` for a sentencepiece vocabulary as UTF-8: what happens before the vocabulary's own rules.
    func cleanedBytesForPieces(_ text: String) -> [UInt8] {
        switch self {
        case .openClip, .openClipWhitespace, .openClipCanonicalize: cleanedBytes(text)
        case .huggingFaceFast: Array(text.utf8)
        case .huggingFaceLowercase: LetterCase.loweredEachCharacter(text.utf8Span.span)
        case .huggingFaceSlow:
            cleanedPlainText(text.utf8Span.span, removesPunctuation: true, keepsUnderscoreAsSpace: false)
                ?? Array(
                    LetterCase.lowered(
                        LetterCase.lowered(Array(text.unicodeScalars), style: .python, collapsesSpaces: false)
                            .unicodeScalars.filter { !Self.isPunctuation($0) }, style: .unchanged
                    ).utf8)
        }
    }

    private func openClipText(_ scalars: [Unicode.Scalar]) -> String {
        var scalars = TextRepair.repaired(scalars)
        scalars = CharacterReferences.standard.decoded(scalars)
        scalars = CharacterReferences.standard.decoded(scalars)
        if self == .openClipCanonicalize {
            scalars = scalars.compactMap { $0 == "_" ? " " : Self.isPunctuation($0) ? nil : $0 }
        }
        return LetterCase.lowered(scalars, style: self == .openClipWhitespace ? .unchanged : .python)
    }

    /// The cleaned form of text that needs no table: ASCII without control characters and without `&`; nil for other text.
    private func cleanedPlainText(
        _ source: Span<UInt8>, removesPunctuation: Bool, keepsUnderscoreAsSpace: Bool = true
    ) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count)
        var isSpacePending = false
        let lowers = self != .openClipWhitespace
        for index in source.indices {
            let byte = source[index]
            switch byte {
            case 0x26 where isOpenClip: return nil
            case 0x20, 0x09, 0x0A, 0x0D: isSpacePending = !bytes.isEmpty
            case 0x21...0x7E:
                if removesPunctuation && Self.isPunctuation(Unicode.Scalar(byte)) {
                    if byte == 0x5F && keepsUnderscoreAsSpace { isSpacePending = !bytes.isEmpty }
                    continue
                }
                if isSpacePending {
                    bytes.append(0x20)
                    isSpacePending = false
                }
                bytes.append(lowers && byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)
            default: return nil
            }
        }
        return bytes
    }

    /// The 32 characters of Python's `string.punctuation`.
    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
        default: false
        }
    }

    private static func withSpacedIdeographs(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            if scalar == "\t" || scalar == "\n" || scalar == "\r" {
                result.append(" ")
                continue
            }
            if isIdeograph(scalar.value) {
                result += [" ", scalar, " "]
                continue
            }
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned: break
            default: if scalar.value != 0xFFFD { result.append(scalar) }
            }
        }
        return result
    }

    /// The blocks that BERT's tokenizer calls Chinese characters.
    private static func isIdeograph(_ value: UInt32) -> Bool {
        switch value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B820...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default:
            false
        }
    }
}
