extension DualEncoderConfiguration {
    /// A ConvNeXt image tower (Liu et al. 2022): a patch stem, four stages of depthwise-convolution blocks, average pooling.
    public struct ConvNeXt: Sendable, Equatable {
        /// What leads from the pooled features to the embedding.
        public enum Head: String, Sendable, CaseIterable {
            /// One linear map without bias.
            case linear
            /// Two linear maps with a GELU between; 2E hidden units with bias, the output without.
            case mlp
        }

        /// Blocks of each of the four stages.
        public var depths: [Int]
        /// Channels of each of the four stages.
        public var widths: [Int]
        /// Added to the variance in every layer normalisation.
        public var normEpsilon: Float
        /// The map to the embedding.
        public var head: Head

        /// Describes the network; `DualEncoderConfiguration` checks it.
        public init(depths: [Int], widths: [Int], normEpsilon: Float = 1e-6, head: Head = .linear) {
            self.depths = depths
            self.widths = widths
            self.normEpsilon = normEpsilon
            self.head = head
        }

        /// Pixels per feature cell: the stem's 4 and three halvings.
        public static let stride = 32
        /// Channels of the features.
        public var featureWidth: Int { widths.last ?? 0 }
        /// Blocks of all stages.
        public var blockCount: Int { depths.reduce(0) { $0 &+ $1 } }

        /// What is wrong with the values over images of `imageSize` pixels per side, each with its setting path.
        func problems(imageSize: Int) -> [String] {
            var found: [String] = []
            if imageSize < Self.stride {
                found.append("vision_cfg.image_size is \(imageSize), must be at least \(Self.stride)")
            }
            if depths.count != 4 || !depths.allSatisfy((1...Limit.layerCount).contains) {
                found.append("vision_cfg.convnext.depths must be four numbers in \(1...Limit.layerCount)")
            }
            if widths.count != 4 || !widths.allSatisfy((1...Limit.width).contains) {
                found.append("vision_cfg.convnext.widths must be four numbers in \(1...Limit.width)")
            }
            if !Limit.normEpsilons.contains(normEpsilon) {
                found.append("vision_cfg.convnext.norm_eps is \(normEpsilon), must be in \(Limit.normEpsilons)")
            }
            return found
        }

        /// Reads `vision_cfg.convnext` of `model.json`.
        static func read(_ object: inout StrictObject) -> ConvNeXt? {
            let depths = object.value("depths", [Int].self)
            let widths = object.value("widths", [Int].self)
            let epsilon = object.value("norm_eps", Float.self)
            let head = object.choice("head", Head.self)
            guard let depths, let widths, let epsilon, let head else { return nil }
            return ConvNeXt(depths: depths, widths: widths, normEpsilon: epsilon, head: head)
        }

        /// Writes `vision_cfg.convnext` of `model.json`.
        func write(to object: inout KeyedEncodingContainer<StrictObject.Key>) throws {
            typealias Key = StrictObject.Key
            try object.encode(depths, forKey: Key("depths"))
            try object.encode(widths, forKey: Key("widths"))
            try object.encode(normEpsilon, forKey: Key("norm_eps"))
            try object.encode(head.rawValue, forKey: Key("head"))
        }
    }
}
