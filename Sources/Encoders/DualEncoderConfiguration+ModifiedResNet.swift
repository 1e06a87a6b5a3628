extension DualEncoderConfiguration {
    /// CLIP's residual network (Radford et al. 2021): three stem convolutions, four stages of bottleneck blocks with
    /// anti-aliased strides, attention pooling. Batch normalisation is folded into the convolutions.
    public struct ModifiedResNet: Sendable, Equatable {
        /// Blocks of each of the four stages.
        public var depths: [Int]
        /// Channels after the stem; the features have 32 times as many.
        public var stemWidth: Int
        /// Heads of the attention pooling.
        public var headCount: Int

        /// Describes the network; `DualEncoderConfiguration` checks it.
        public init(depths: [Int], stemWidth: Int, headCount: Int) {
            self.depths = depths
            self.stemWidth = stemWidth
            self.headCount = headCount
        }

        /// Pixels per feature cell: the stem's 4 and three halvings.
        public static let stride = 32
        /// Channels of the features.
        public var featureWidth: Int { 32 &* stemWidth }
        /// Blocks of all stages.
        public var blockCount: Int { depths.reduce(0) { $0 &+ $1 } }

        /// What is wrong with the values over images of `imageSize` pixels per side, each with its setting path.
        func problems(imageSize: Int) -> [String] {
            var found: [String] = []
            // Other sizes can leave another number of cells than there are positions.
            if imageSize < Self.stride || !imageSize.isMultiple(of: Self.stride) {
                found.append("vision_cfg.image_size is \(imageSize), must be a multiple of \(Self.stride)")
            }
            if depths.count != 4 || !depths.allSatisfy((1...Limit.layerCount).contains) {
                found.append("vision_cfg.modified_resnet.depths must be four numbers in \(1...Limit.layerCount)")
            }
            if !(2...Limit.width / 32).contains(stemWidth) || !stemWidth.isMultiple(of: 2) {
                found.append(
                    "vision_cfg.modified_resnet.stem_width is \(stemWidth), must be even and in \(2...Limit.width / 32)"
                )
            }
            if headCount < 1 || !featureWidth.isMultiple(of: headCount) {
                found.append(
                    "vision_cfg.modified_resnet.heads is \(headCount), must divide the features' \(featureWidth) channels"
                )
            }
            return found
        }

        /// Reads `vision_cfg.modified_resnet` of `model.json`.
        static func read(_ object: inout StrictObject) -> ModifiedResNet? {
            let depths = object.value("depths", [Int].self)
            let stemWidth = object.value("stem_width", Int.self)
            let headCount = object.value("heads", Int.self)
            guard let depths, let stemWidth, let headCount else { return nil }
            return ModifiedResNet(depths: depths, stemWidth: stemWidth, headCount: headCount)
        }

        /// Writes `vision_cfg.modified_resnet` of `model.json`.
        func write(to object: inout KeyedEncodingContainer<StrictObject.Key>) throws {
            typealias Key = StrictObject.Key
            try object.encode(depths, forKey: Key("depths"))
            try object.encode(stemWidth, forKey: Key("stem_width"))
            try object.encode(headCount, forKey: Key("heads"))
        }
    }
}
