"""equipoise.training"""
