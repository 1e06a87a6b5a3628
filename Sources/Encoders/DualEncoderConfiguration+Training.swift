import Tensors

extension DualEncoderConfiguration {
    /// Why this model cannot be trained here, each reason with its setting path; empty for the models we make ourselves.
    ///
    /// The backward passes are those of plain transformers: a class token, norms before and after the blocks, standard
    /// perceptrons and a causal text tower pooled at its end token.
    public var trainingProblems: [String] {
        var found: [String] = []
        func require(_ condition: Bool, _ problem: String) {
            if !condition { found.append(problem) }
        }
        require(vision.architecture == .transformer, "vision_cfg is a convolutional network")
        require(vision.hasClassToken && vision.pooling == .classToken, "vision_cfg.pool_type is not the class token")
        require(vision.hasStemNorm, "vision_cfg.stem_norm is false")
        require(vision.mlp == .standard && !vision.hasSubNorm, "vision_cfg.mlp or .sub_norm is not the plain one")
        require(vision.rotaryGridSize == nil, "vision_cfg.rotary_grid is set")
        require(vision.hasKeyBias, "vision_cfg.key_bias is false")
        require(vision.hasProjection, "vision_cfg.projection is false")
        require(text.hasProjection, "text_cfg.projection is false")
        require(text.isCausal && text.pooling == .endToken, "text_cfg is not causal or not pooled at its end token")
        for (tower, epsilon) in [("vision_cfg", vision.normEpsilon), ("text_cfg", text.normEpsilon)] {
            require(epsilon == Vision.defaultNormEpsilon, "\(tower).norm_eps is \(epsilon)")
        }
        require(imageActivation == activation && textActivation == activation, "the towers' activations differ")
        require(initialLogitBias == nil, "init_logit_bias is set")
        return found
    }

    /// Whether `ImageTowerSlice` and `TextTowerSlice` can be made for this model.
    public var isTrainable: Bool { trainingProblems.isEmpty }
}

/// The layers of an image tower that can be trained.
struct TrainableImageTower {
    let stem: StemLayer
    let classToken: ParameterSpan
    let positions: ParameterSpan
    let stemNorm: NormLayer
    let blocks: [BlockLayer]
    let finalNorm: NormLayer
    let projection: LinearLayer

    /// Traps unless the configuration `isTrainable`.
    init(_ architecture: DualEncoderArchitecture) {
        let configuration = architecture.configuration
        guard configuration.isTrainable, case .transformer(let tower) = architecture.imageTower,
            let classToken = tower.classToken, let stemNorm = tower.stemNorm, let projection = tower.projection
        else { preconditionFailure("image tower: \(configuration.trainingProblems.joined(separator: "; "))") }
        stem = tower.stem
        self.classToken = classToken
        positions = tower.positions
        self.stemNorm = stemNorm
        blocks = tower.blocks
        finalNorm = tower.finalNorm
        self.projection = projection
    }
}
