/// The ids around texts of towers that see their padding.
struct ForeignPadding {
    let endTokenID: Int
    let padTokenID: Int

    /// Reads them off `tokenizer_config.json`, whose `pad_token` the libraries pad with; without that file, off the published
    /// tokenizers: Gemma's of SigLIP 2 pads with 0, the older ones with their end token 1.
    ///
    /// A wrong id still gives embeddings, but wrong ones: where nothing tells, the description is refused.
    init(
        tokenizer: [String: JSONValue], tokenizerName: String?, vocabularySize: Int, place: String,
        _ findings: ForeignFindings
    ) {
        let known = ["<pad>": 0, "</s>": 1, "<eos>": 1]
        func identifier(_ key: String) -> Int? {
            let content: String
            switch tokenizer[key] {
            case .string(let text): content = text
            case .object(let fields):
                if case .string(let text)? = fields["content"] { content = text } else { return nil }
            default: return nil
            }
            guard case .object(let added)? = tokenizer["added_tokens_decoder"] else { return known[content] }
            let identifiers = added.compactMap { id, value in
                if case .object(let fields) = value, fields["content"] == .string(content) { Int(id) } else { nil }
            }
            return identifiers.min() ?? known[content]
        }
        let isGemma: Bool?
        if let tokenizerName {
            isGemma = tokenizerName.contains("SigLIP2") ? true : tokenizerName.contains("SigLIP") ? false : nil
        } else {
            isGemma = vocabularySize == 256_000 ? true : [32_000, 250_000].contains(vocabularySize) ? false : nil
        }
        endTokenID = identifier("eos_token") ?? 1
        if let stated = identifier("pad_token") {
            padTokenID = stated
        } else if let isGemma {
            padTokenID = isGemma ? 0 : 1
            findings.notes.append(
                "no tokenizer_config.json says what texts are padded with: taken as id \(padTokenID), as "
                    + (isGemma ? "SigLIP 2's tokenizer does" : "SigLIP's tokenizers do"))
        } else {
            padTokenID = 0
            findings.problems.append(
                "\(place) sees its padding, and no tokenizer_config.json names a pad_token whose id is known; copy that file here"
            )
        }
    }
}
