/// OpenAI's weights come without a description: their code reads the shapes off the tensors, and so does this.
extension ForeignCheckpoint {
    static let inferenceNote =
        "no open_clip_config.json: the shapes are read off the tensors as OpenAI's own code does, with heads of 64 channels and OpenAI's preprocessing"

    /// The description that open_clip would have written for these weights.
    ///
    /// The activation is not in any shape: it is QuickGELU where the archive's own three numbers came along, since OpenAI's code
    /// has no other; otherwise it must be given.
    static func inferredDescription(
        _ tensors: ForeignTensors, activation: DualEncoderConfiguration.Activation?, at place: String
    ) throws(EncodersError) -> [String: JSONValue] {
        guard let inference = OpenAIShapes(tensors) else {
            throw EncodersError(
                .fileAccess,
                "is missing, and only OpenAI's own models can be read without it; copy it from where the weights came from, or write it: {\"model_cfg\": the model's file in open_clip/model_configs, \"preprocess_cfg\": {\"mean\": …, \"std\": …}}",
                at: place)
        }
        let isArchive = ["input_resolution", "context_length", "vocab_size"].allSatisfy { tensors[$0] != nil }
        guard isArchive || activation != nil else {
            throw EncodersError(
                .fileAccess,
                "is missing. The shapes are those of an OpenAI model, but nothing says which activation it has: state it with --quick-gelu (OpenAI, MetaCLIP, DFN) or --gelu (LAION, DataComp), or copy the file",
                at: place)
        }
        return inference.description(isQuickGELU: isArchive || activation == .quickGELU)
    }
}

/// The sizes of an OpenAI model, read off its tensors.
private struct OpenAIShapes {
    private var vision: [String: JSONValue] = [:]
    private var text: [String: JSONValue] = [:]
    private let embeddingDimension: Int

    /// Nil when the tensors are not of such a model.
    init?(_ tensors: ForeignTensors) {
        func shape(_ name: String, rank: Int) -> [Int]? {
            guard let shape = tensors[name]?.entry.shape, shape.count == rank else { return nil }
            return shape
        }
        func count(_ prefix: String, part: Int) -> Int {
            Set(
                tensors.names.filter { $0.hasPrefix(prefix) }.compactMap {
                    $0.split(separator: ".").dropFirst(part).first
                }
            )
            .count
        }
        func number(_ value: Int) -> JSONValue { .number(Double(value)) }
        func gridSize(_ positions: [Int]) -> Int { Int(Double(max(0, positions[0] - 1)).squareRoot().rounded()) }
        guard let projection = shape("text_projection", rank: 2),
            let positions = shape("positional_embedding", rank: 2),
            let words = shape("token_embedding.weight", rank: 2), let width = shape("ln_final.weight", rank: 1)?.first
        else { return nil }
        embeddingDimension = projection[1]
        text = [
            "context_length": number(positions[0]), "vocab_size": number(words[0]), "width": number(width),
            "heads": number(width / 64), "layers": number(count("transformer.resblocks.", part: 2)),
        ]
        if shape("visual.proj", rank: 2) != nil, let patch = shape("visual.conv1.weight", rank: 4),
            let grid = shape("visual.positional_embedding", rank: 2)
        {
            vision = [
                "width": number(patch[0]), "patch_size": number(patch[3]),
                "image_size": number(patch[3].multipliedReportingOverflow(by: gridSize(grid)).partialValue),
                "layers": number(count("visual.transformer.resblocks.", part: 3)),
            ]
        } else if let first = shape("visual.layer1.0.conv1.weight", rank: 4),
            let grid = shape("visual.attnpool.positional_embedding", rank: 2)
        {
            vision = [
                "width": number(first[0]), "patch_size": .null, "image_size": number(gridSize(grid) * 32),
                "layers": .array((1...4).map { number(count("visual.layer\($0).", part: 2)) }),
            ]
        } else {
            return nil
        }
    }

    func description(isQuickGELU: Bool) -> [String: JSONValue] {
        [
            "model_cfg": .object([
                "embed_dim": .number(Double(embeddingDimension)), "quick_gelu": .boolean(isQuickGELU),
                "vision_cfg": .object(vision), "text_cfg": .object(text),
            ])
        ]
    }
}
