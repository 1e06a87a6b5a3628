extension ForeignNaming {
    /// timm's `ConvNeXt` as the trunk of open_clip's `TimmModel`, with that library's head behind it.
    static func convNeXtRows(_ network: DualEncoderConfiguration.ConvNeXt) -> [Row] {
        var rows =
            pair("imageTower.stem.patch", "visual.trunk.stem.0", .channelsSecond)
            + pair("imageTower.stemNorm", "visual.trunk.stem.1")
        for (index, depth) in network.depths.enumerated() {
            let stage = "imageTower.stages.\(index)"
            let tensors = "visual.trunk.stages.\(index)"
            if index > 0 {
                rows += pair("\(stage).downsample.norm", "\(tensors).downsample.0")
                rows += pair("\(stage).downsample.convolution", "\(tensors).downsample.1", .channelsSecond)
            }
            for block in 0..<depth {
                rows += convNeXtBlockRows("\(stage).blocks.\(block)", "\(tensors).blocks.\(block)")
            }
        }
        rows += pair("imageTower.finalNorm", "visual.trunk.head.norm")
        switch network.head {
        case .linear: rows.append(Row("imageTower.projection.weight", from: "visual.head.proj.weight"))
        case .mlp:
            rows += pair("imageTower.projectionHidden", "visual.head.mlp.fc1")
            rows.append(Row("imageTower.projection.weight", from: "visual.head.mlp.fc2.weight"))
        }
        return rows
    }

    private static func convNeXtBlockRows(_ parameter: String, _ tensor: String) -> [Row] {
        [
            Row("\(parameter).depthwise.weight", from: "\(tensor).conv_dw.weight", .depthwise),
            Row("\(parameter).depthwise.bias", from: "\(tensor).conv_dw.bias"),
        ] + pair("\(parameter).norm", "\(tensor).norm") + pair("\(parameter).mlp.hidden", "\(tensor).mlp.fc1")
            + Row.scaled("\(parameter).mlp.output", linear: "\(tensor).mlp.fc2", by: "\(tensor).gamma")
    }

    /// A weight and a bias.
    static func pair(_ parameter: String, _ tensor: String, _ arrangement: Arrangement = .same) -> [Row] {
        [
            Row("\(parameter).weight", from: "\(tensor).weight", arrangement),
            Row("\(parameter).bias", from: "\(tensor).bias"),
        ]
    }
}
