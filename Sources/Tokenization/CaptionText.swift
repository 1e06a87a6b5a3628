/// The two steps every caption and query goes through before its tokens: cleaning, and cutting into pre-tokens.
///
/// Public so that other text indexes (a full-text table, statistics) split captions exactly as the tokenizer does.
public enum CaptionText {
    /// The name of the cleaning and splitting rules, stored with a vocabulary; it changes when their results do.
    public static let ruleName = "vlmpipe-caption-1"

    /// The cleaned form of `text`: NFC, plain widths and quotes, single spaces, lower case, no control or format
    /// characters. Deterministic; linear in the length of the text.
    public static func cleaned(_ text: String) -> String {
        var cleaner = TextCleaner()
        cleaner.clean(text)
        return String(decoding: cleaner.bytes, as: UTF8.self)
    }

    /// The pre-tokens of `text`, cleaned: words, single Han characters, kana and hangul runs, digits, punctuation runs.
    public static func preTokens(of text: String) -> [String] {
        var cleaner = TextCleaner()
        cleaner.clean(text)
        var scanner = PreTokenScanner()
        var result: [String] = []
        while let range = scanner.next(in: cleaner.bytes.span) {
            result.append(String(decoding: cleaner.bytes[range], as: UTF8.self))
        }
        return result
    }
}
