extension ForeignNaming {
    /// OpenAI's and open_clip's `ModifiedResNet`; both libraries use the same names.
    static func modifiedResNetRows(_ network: DualEncoderConfiguration.ModifiedResNet) -> [Row] {
        var rows = (0..<3).flatMap { index in
            Row.batchNormalised(
                "imageTower.stem.convolutions.\(index)", convolution: "visual.conv\(index + 1)",
                norm: "visual.bn\(index + 1)")
        }
        for (index, depth) in network.depths.enumerated() {
            for block in 0..<depth {
                let parameter = "imageTower.stages.\(index).blocks.\(block)"
                let tensor = "visual.layer\(index + 1).\(block)"
                for (part, name) in [("reduction", "1"), ("convolution", "2"), ("expansion", "3")] {
                    rows += Row.batchNormalised(
                        "\(parameter).\(part)", convolution: "\(tensor).conv\(name)", norm: "\(tensor).bn\(name)")
                }
                if block == 0 {
                    // The pooling before them has no tensors; the library calls it "-1".
                    rows += Row.batchNormalised(
                        "\(parameter).shortcut", convolution: "\(tensor).downsample.0",
                        norm: "\(tensor).downsample.1")
                }
            }
        }
        rows.append(Row("imageTower.pool.positions", from: "visual.attnpool.positional_embedding"))
        for (part, name) in [("query", "q"), ("key", "k"), ("value", "v")] {
            rows += pair("imageTower.pool.\(part)", "visual.attnpool.\(name)_proj")
        }
        return rows + pair("imageTower.projection", "visual.attnpool.c_proj")
    }

    /// Batch normalisation's count of training steps.
    static func isModifiedResNetBuffer(_ name: String) -> Bool {
        name.hasPrefix("visual.") && name.hasSuffix(".num_batches_tracked")
    }
}
