import Foundation

/// How a CLIP tokenizer cleans a text before it cuts it: each reference library does it differently.
///
/// The flavour belongs to a checkpoint: its text tower was trained, or its published numbers were measured, with one of
/// them. Choose it at import and keep it with the model.
public enum ClipCleaning: String, Sendable, CaseIterable, Codable {
    /// open_clip and OpenAI's own code: the repairs of ftfy 6 except its detection of wrongly decoded text, HTML references
    /// decoded twice, single spaces, lower case with the final-sigma rule.
    case openClip
    /// Hugging Face's `tokenizers` package: NFC, single spaces, lower case of each character by itself.
    case huggingFaceFast
    /// Hugging Face's Python class without ftfy installed: control characters go, spaces are put round every CJK ideograph,
    /// NFC, single spaces, lower case with the final-sigma rule.
    case huggingFaceSlow

    /// The cleaned form of `text`: single U+0020 for white space, none at the ends. Linear in the length of the text.
    public func cleaned(_ text: String) -> String { String(decoding: cleanedBytes(text), as: UTF8.self) }

    /// Whether the library's pattern matches without regard to case. Two characters of lower-case text notice: `ſ` in a
    /// contraction, and U+0345, which then is in no class and vanishes.
    var patternIgnoresCase: Bool { self != .huggingFaceFast }

    /// The cleaned form of `text` as UTF-8.
    func cleanedBytes(_ text: String) -> [UInt8] {
        if let bytes = Self.cleanedPlainText(text.utf8Span.span) { return bytes }
        var scalars = Array(text.unicodeScalars)
        switch self {
        case .openClip:
            scalars = TextRepair.repaired(scalars)
            scalars = CharacterReferences.standard.decoded(scalars)
            scalars = CharacterReferences.standard.decoded(scalars)
        case .huggingFaceFast:
            scalars = CanonicalComposition.composed(scalars)
        case .huggingFaceSlow:
            scalars = CanonicalComposition.composed(Self.withSpacedIdeographs(scalars))
        }
        return Self.lowercased(scalars, appliesFinalSigma: self != .huggingFaceFast)
    }

    /// The cleaned form of text that no flavour changes but for white space and case, or nil: ASCII without control
    /// characters and without `&`.
    private static func cleanedPlainText(_ source: Span<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count)
        var isSpacePending = false
        for index in source.indices {
            let byte = source[index]
            switch byte {
            case 0x26: return nil
            case 0x20, 0x09, 0x0A, 0x0D: isSpacePending = !bytes.isEmpty
            case 0x21...0x7E:
                if isSpacePending {
                    bytes.append(0x20)
                    isSpacePending = false
                }
                bytes.append(byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)
            default: return nil
            }
        }
        return bytes
    }

    /// Collapses white space, and lowers with full mappings.
    private static func lowercased(_ text: [Unicode.Scalar], appliesFinalSigma: Bool) -> [UInt8] {
        var result = String.UnicodeScalarView()
        var isSpacePending = false
        for (index, scalar) in text.enumerated() {
            let properties = scalar.properties
            if properties.isWhitespace {
                isSpacePending = !result.isEmpty
                continue
            }
            if isSpacePending {
                result.append(" ")
                isSpacePending = false
            }
            if appliesFinalSigma && scalar.value == 0x3A3 {
                result.append(isFinalSigma(text, at: index) ? "\u{3C2}" : "\u{3C3}")
            } else if properties.changesWhenLowercased {
                result.append(contentsOf: properties.lowercaseMapping.unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return Array(String(result).utf8)
    }

    /// The Final_Sigma condition of the Unicode Standard, section 3.13: a cased letter before and none behind, whatever
    /// case-ignorable characters stand between.
    private static func isFinalSigma(_ text: [Unicode.Scalar], at index: Int) -> Bool {
        let before = text[..<index].last { !$0.properties.isCaseIgnorable }
        guard let before, before.properties.isCased else { return false }
        let after = text[(index + 1)...].first { !$0.properties.isCaseIgnorable }
        return !(after?.properties.isCased ?? false)
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
